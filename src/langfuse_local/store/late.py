"""A store that shows what it was given only after a while, as a server with a queue does."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from .database import StoreError
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..mapping.observation import Observation

__all__ = ["LateStore"]

_log = logging.getLogger(__name__)


class LateStore(Store):
    """Keeps what waits in memory; closing it stores that at once, killing it loses it."""

    def __init__(self, path: Path, *, span_seconds: float, score_seconds: float) -> None:
        super().__init__(path)
        self._spans = _Queue(span_seconds)
        self._scores = _Queue(score_seconds)

    def close(self) -> None:
        """Store what waits, and close the file."""
        self._spans.close()
        self._scores.close()
        super().close()

    def save(self, observations: Iterable[Observation]) -> None:
        """Store the observations later; raises whatever iterating over them raises."""
        self._spans.add(partial(super().save, list(observations)))

    def write(self, query: str, values: dict[str, object]) -> None:
        """Run one statement, which is about a score, later."""
        self._scores.add(partial(super().write, query, values))


class _Queue:
    """Does what it is given in order, each a while after it came."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._closing = threading.Event()
        self._works: SimpleQueue[tuple[float, Callable[[], None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="late-store")
        self._thread.start()

    def add(self, work: Callable[[], None]) -> None:
        self._works.put((time.monotonic() + self._seconds, work))

    def close(self) -> None:
        """Do at once what is left."""
        self._closing.set()
        self._works.put(None)
        self._thread.join()

    def _run(self) -> None:
        while entry := self._works.get():
            due, work = entry
            self._closing.wait(max(due - time.monotonic(), 0))
            try:
                work()
            except (sqlite3.Error, StoreError) as error:
                _log.error("What was taken could not be stored: %s", error)
