"""Create .venv and install a lock into it. Runs on any Python 3, with the standard library alone.

Usage: python3 scripts/install.py demo|dev, or peers, which has .venv-peers to itself
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
VENV = Path(".venv-peers" if sys.argv[1:] == ["peers"] else ".venv")
PYTHON = VENV / "bin" / "python"


def main(lock):
    """Install requirements/<lock>.txt, and mark it as installed for make."""
    if sys.version_info < OLDEST:
        _run_with_newer_python()
    if not _works([str(PYTHON), "-m", "pip", "--version"]):
        _create()
    _install(Path("requirements") / f"{lock}.txt")
    (VENV / f".{lock}").touch()


def _run_with_newer_python():
    for path in filter(None, map(shutil.which, NEWER)):
        if _works([path, "-c", ""]):
            os.execv(path, [path, *sys.argv])
    sys.exit(
        f"Python 3.11 or newer is needed; this is {_version()}. Install one and run make again."
    )


def _create():
    print("Creating .venv", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        print(made.stdout.decode(errors="replace"))
        sys.exit(
            "Python cannot create a virtual environment."
            f" On Debian and Ubuntu: sudo apt-get install python{_version()}-venv"
        )


def _install(lock):
    total = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    print(f"Installing {total} packages from {lock} (once, until it changes)", flush=True)
    options = ["--disable-pip-version-check", "--no-input", "--require-hashes"]
    pip = subprocess.Popen(
        [str(PYTHON), "-m", "pip", "install", *options, "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines = _follow(pip.stdout, total)
    if pip.wait():
        sys.exit(
            f"{''.join(lines[-15:])}The installation failed."
            " If there was no network, run make again: what was downloaded is kept."
        )


def _follow(output, total):
    lines, done, terminal = [], 0, sys.stdout.isatty()
    for raw in output:
        lines.append(raw.decode(errors="replace"))
        done += lines[-1].startswith(("Collecting ", "Requirement already satisfied: "))
        if terminal:
            print(f"\r  {min(done, total)} of {total}", end="", flush=True)
    if terminal:
        print("\r\033[K", end="", flush=True)
    return lines


def _works(command):
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _version():
    return ".".join(map(str, sys.version_info[:2]))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
