"""`make resend`: move what the Collector gave up on into the spool, from which it is sent again.

The Collector is stopped meanwhile: it holds the file open, and a line that it adds would be lost.
Senders try again, and what is queued stays queued.
"""

import io
import itertools
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from . import docker, native
from .build import ROOT
from .errors import StackError

__all__ = ["collect"]

_VOLUME = "/var/lib/otelcol/queue/given-up"
_SERVICE = "otel-collector"


def collect(spool: Path) -> int:
    """Move everything and return how many spans it was.

    Raises:
        StackError: Docker did not do what it was asked, and everything is still there.
    """
    return _from_native(spool) + (_from_volume(spool) if docker.is_running() else 0)


def _from_native(spool: Path) -> int:
    folder = native.storage() / "given-up"
    if not any(path.stat().st_size for path in folder.glob("*.jsonl")):
        return 0
    was_running = native.stop_collector()
    count = _keep(spool, b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl"))))
    shutil.rmtree(folder)
    if was_running:
        native.start()
    return count


def _from_volume(spool: Path) -> int:
    if not _lines_in_volume():
        return 0
    _compose("stop", _SERVICE)
    try:
        count = _keep(spool, _lines_in_volume())
        remove = ("run", "--rm", "--no-deps", "--entrypoint", "/healthcheck/rm", _SERVICE)
        _compose(*remove, "-rf", _VOLUME)
    finally:
        _compose("start", _SERVICE)
    return count


def _lines_in_volume() -> bytes:
    container = docker.quiet("docker", "compose", "ps", "--all", "--quiet", _SERVICE).stdout.strip()
    answer = subprocess.run(
        ["docker", "cp", f"{container}:{_VOLUME}", "-"], cwd=ROOT, check=False, capture_output=True
    )
    if answer.returncode:  # Nothing was ever given up.
        return b""
    with tarfile.open(fileobj=io.BytesIO(answer.stdout)) as archive:
        files = [archive.extractfile(each) for each in sorted(archive, key=lambda one: one.name)]
        return b"".join(file.read() for file in files if file)


def _compose(*arguments: str) -> None:
    answer = docker.quiet("docker", "compose", *arguments)
    if answer.returncode:
        raise StackError(f"{answer.stderr.strip()}\nDocker could not {arguments[0]} {_SERVICE}.")


def _keep(spool: Path, lines: bytes) -> int:
    """Write one file a request, named as the spool names its own."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    numbers, total = itertools.count(), 0
    for line in lines.splitlines():
        count = _spans_in(line)
        path = spool / f"{time.time_ns()}-{os.getpid()}-{next(numbers):06}-{count}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(descriptor)
        total += count
    return total


def _spans_in(line: bytes) -> int:
    scopes = (each for one in json.loads(line)["resourceSpans"] for each in one["scopeSpans"])
    return sum(len(scope["spans"]) for scope in scopes)
