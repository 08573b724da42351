"""Run the application's and langfuse_otel's tests on every Python from 3.11 on that is here.

The environment of `make test` has had its turn; each other Python gets one in `.tools/pythons`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = ("tests/agent_observability", "tests/langfuse_otel")
SUPPORTED = range(11, 15)
"""The minor versions that somebody may have."""


def main() -> None:
    """Run the tests, then say on which Pythons, and which are not here."""
    pythons = find_pythons()
    tested = _version(".venv/bin/python")
    results = {tested: True} if tested else {}
    for version, python in pythons.items():
        if version != tested:
            results[version] = _passes(version, python)
    for version, passed in sorted(results.items()):
        print(f"Python {_text(version)}: {'passed' if passed else 'FAILED'}")
    for minor in SUPPORTED:
        if not any(version[1] == minor for version in results):
            print(f"NOT RUN: Python 3.{minor} is not on this machine.")
    sys.exit(not all(results.values()))


def find_pythons() -> dict[tuple[int, ...], str]:
    """Return every Python of a supported version, by version: of PATH, of pyenv and of uv."""
    found: dict[tuple[int, ...], str] = {}
    for candidate in _candidates():
        version = _version(candidate)
        if version and version >= (3, SUPPORTED[0]):
            found.setdefault(version, candidate)
    return dict(sorted(found.items()))


def _candidates() -> Iterator[str]:
    names = ["python3", *(f"python3.{minor}" for minor in SUPPORTED)]
    for folder in os.environ["PATH"].split(os.pathsep):
        yield from filter(None, (shutil.which(name, path=folder) for name in names))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, pyenv.glob("versions/*/bin/python3"))
    if uv := shutil.which("uv"):
        listed = subprocess.run([uv, "python", "dir"], check=False, capture_output=True, text=True)
        yield from map(str, Path(listed.stdout.strip()).glob("*/bin/python3"))


def _version(python: str) -> tuple[int, ...] | None:
    command = [python, "-c", "import sys; print(*sys.version_info[:3])"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None  # a stand-in of pyenv's for a version that is not chosen here
    return tuple(map(int, said.split()))


def _passes(version: tuple[int, ...], python: str) -> bool:
    print(f"\nPython {_text(version)} ({python})", flush=True)
    folder = f".tools/pythons/{_text(version)}"
    installed = subprocess.run([python, "scripts/install.py", "dev", folder], check=False)
    tests = [f"{folder}/bin/python", "-m", "pytest", "-q", *TESTS]
    return not (installed.returncode or subprocess.run(tests, check=False).returncode)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    main()
