"""Create a virtual environment and install a lock into it, with the standard library alone.

Usage: python3 scripts/install.py LOCK FOLDER
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main(lock, folder):
    """Install requirements/<lock>.txt into the folder; any Python 3 can run this."""
    path = Path("requirements") / f"{lock}.txt"
    python = str(Path(folder) / "bin" / "python")
    if sys.version_info < OLDEST:
        _run_with_newer_python()
    if _works([python, "-m", "pip", "--version"]):
        _install(python, path)
        if _works([python, "-m", "pip", "check"]):
            return
        print("What an older lock left there does not fit", flush=True)
    _create(folder)
    _install(python, path)
    _check(python, path)


def _run_with_newer_python():
    for path in filter(None, map(shutil.which, NEWER)):
        if _works([path, "-c", ""]):
            os.execv(path, [path, *sys.argv])
    sys.exit(
        f"Python 3.11 or newer is needed; this is {_version()}. Install one and run make again."
    )


def _create(folder):
    print(f"Creating {folder}", flush=True)
    # Isolated: Homebrew's Python has a sitecustomize of its own, which PYTHONPATH would hide.
    command = [sys.executable, "-I", "-m", "venv", "--clear", folder]
    made = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        print(made.stdout.decode(errors="replace"))
        if not os.access(".", os.W_OK):
            sys.exit("This folder cannot be written to: clone into one that is yours.")
        sys.exit(
            "Python cannot create a virtual environment."
            f" On Debian and Ubuntu: sudo apt-get install python{_version()}-venv"
        )


def _install(python, lock):
    total = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    noun = "package" if total == 1 else "packages"
    print(f"Installing {total} {noun} from {lock} (once, until it changes)", flush=True)
    for command in _installers(python):
        # The lock is complete: a resolver could only disagree, when it sees newer releases.
        command += ["--no-deps", "--require-hashes", "-r", str(lock)]
        installer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = _follow(installer.stdout, total)
        if not installer.wait():
            return
    sys.exit(
        f"{''.join(lines[-15:])}The installation failed."
        " If there was no network, run make again: what was downloaded is kept."
    )


def _installers(python):
    """Try uv first; pip may still reach an index that only its own settings name."""
    uv = shutil.which("uv")
    if uv:
        yield [uv, "pip", "install", "--python", python]
    yield [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def _check(python, lock):
    check = [python, "-m", "pip", "check"]
    checked = subprocess.run(check, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if checked.returncode:
        sys.exit(f"{checked.stdout.decode(errors='replace')}{lock} does not fit together.")


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
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _version():
    return ".".join(map(str, sys.version_info[:2]))


if __name__ == "__main__":
    main(*sys.argv[1:])
