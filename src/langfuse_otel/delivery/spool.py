"""Spans that could not be delivered, kept on disk as OTLP/JSON lines until `make resend`.

Opt-in, for a machine without a Collector, whose persistent queue is the normal answer. A file is
one request, so that a crash while it is sent again loses and halves nothing.
"""

import itertools
import json
import logging
import os
import re
import stat
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from .encoding import by_encodability, otlp_json

__all__ = ["Spool", "spans_in"]

_FILE_BYTES: Final = 2**20  # What any receiver takes in one request.
_STALE_SECONDS: Final = 600
_NAME: Final = re.compile(r"\d+-(?P<process>\d+)-\d{6,}-(?P<spans>\d+)\.(jsonl|part)", re.ASCII)
_log = logging.getLogger(__name__)


class Spool:
    """A directory of batches, at most `max_bytes` large; the oldest give way.

    What is not the spool's is left alone: other files, links, and a directory that is a link.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._numbers = itertools.count()
        self._removed: Counter[int] = Counter()
        self._own: list[Path] = []

    @property
    def kept(self) -> int:
        """Spans of this process that are there."""
        self._own = [path for path in self._own if _is_of_this_process(path) and path.exists()]
        return sum(map(spans_in, self._own))

    @property
    def removed(self) -> int:
        """Spans, of this process or another, that had to give way to this one's."""
        return self._removed[os.getpid()]

    def keep(self, spans: Sequence[ReadableSpan]) -> None:
        """Write spans, readable by the owner alone; never raise into the exporter."""
        try:
            if problem := self.problem():
                _log.warning("Spans could not be kept: %s", problem)
                return
            good, _ = by_encodability(spans)
            for data, count in _lines(good):
                self._make_room(len(data))
                self._write(data, count)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the agent
            _log.warning("Spans could not be kept in the spool: %s.", type(error).__name__)

    def batches(self) -> list[Path]:
        """Return the files, oldest first."""
        return sorted(path for path, _ in self._files(".jsonl"))

    def problem(self) -> str:
        """Return why the directory is not used, one sentence; empty if it is."""
        if self._directory.is_symlink():
            return f"{self._directory} is a link and is left alone."
        return ""

    def foreign(self) -> list[str]:
        """Return the names of what is there and is not the spool's."""
        if self.problem() or not self._directory.is_dir():
            return []
        own = {path.name for suffix in (".jsonl", ".part") for path, _ in self._files(suffix)}
        return sorted(path.name for path in self._directory.iterdir() if path.name not in own)

    def _files(self, suffix: str) -> Iterator[tuple[Path, os.stat_result]]:
        if self.problem():
            return
        for path in self._directory.glob(f"*{suffix}"):
            with suppress(FileNotFoundError):  # Another process has sent or removed it.
                status = path.lstat()
                if _NAME.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
                    yield path, status

    def _write(self, data: bytes, spans: int) -> None:
        if len(data) > self._max_bytes:
            self._removed[os.getpid()] += spans
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = next(self._numbers)
        path = self._directory / f"{time.time_ns()}-{os.getpid()}-{number:06}-{spans}.jsonl"
        part = path.with_suffix(".part")
        try:
            with open(part, "xb", opener=_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._own.append(path)

    def _make_room(self, size: int) -> None:
        for path, status in list(self._files(".part")):
            if status.st_mtime < time.time() - _STALE_SECONDS:  # Its process was killed.
                path.unlink(missing_ok=True)
        files = sorted((path, status.st_size) for path, status in self._files(".jsonl"))
        used = sum(length for _, length in files)
        for path, length in files:
            if used + size <= self._max_bytes:
                return
            used -= length
            with suppress(FileNotFoundError):
                path.unlink()
                self._removed[os.getpid()] += spans_in(path)


def spans_in(path: Path) -> int:
    """Return how many spans a file of the spool holds."""
    return int(path.stem.rpartition("-")[2])


def _lines(spans: Sequence[ReadableSpan]) -> Iterator[tuple[bytes, int]]:
    if not spans:
        return
    text = json.dumps(otlp_json(spans), ensure_ascii=False, separators=(",", ":"))
    data = text.encode() + b"\n"
    middle = len(spans) // 2
    if len(data) <= _FILE_BYTES or not middle:
        yield data, len(spans)
        return
    yield from _lines(spans[:middle])
    yield from _lines(spans[middle:])


def _is_of_this_process(path: Path) -> bool:
    match = _NAME.fullmatch(path.name)
    return match is not None and int(match["process"]) == os.getpid()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
