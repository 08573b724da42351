"""Everything that changes the file: one connection, one thread, one transaction at a time."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from .codec import pack
from .database import open_writer
from .sql import statement
from .strings import Strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ..mapping.observation import Observation
    from .codec import Packed

__all__ = ["Writer"]

_T = TypeVar("_T")
_DAMAGED = "the file is damaged. Move it away: a new one is made at once, and no restart is needed"
_ROWS = 512  # that are in memory at a time
_by_start, _by_end = attrgetter("start"), attrgetter("end")
_GROUPS = ("sessions", "users", "traces")


class Writer:
    """Safe to use from many threads; close it when done.

    A file that was moved away or deleted is made anew, rather than written to where nobody will
    ever find it; `generation` counts how often.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made on first use; raises StoreError."""
        self.generation = 0
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store-writer")
        self._open()

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self._thread.shutdown()
        self.connection.close()

    def run(self, work: Callable[[], _T]) -> _T:
        """What `work` does to `connection` in one transaction, all of it or nothing.

        Raises sqlite3.Error or StoreError, and whatever the work raises.
        """
        return self._thread.submit(self._run, work).result()

    def save(self, observations: Iterable[Observation]) -> None:
        """Insert or replace the observations, which are made as they are needed."""
        received = time.time_ns() // 1000
        packed = (pack(observation, received) for observation in observations)

        def work() -> None:
            while rows := list(islice(packed, _ROWS)):
                self._insert(rows)
            self._refresh()

        self.run(work)

    def remove(self, cutoff: int, oldest: int) -> int:
        """Remove the traces of the oldest rows, unless added to since; how many rows went.

        The scores of a trace go with its last row, and those of a session before the cut-off.
        """

        def work() -> int:
            asked = {"cutoff": cutoff, "oldest": oldest}
            removed = self.connection.execute(statement("prune"), asked).rowcount
            self.connection.execute(statement("prune_scores_of_traces"))
            self.connection.execute(statement("prune_scores_of_sessions"), {"cutoff": cutoff})
            self._refresh()
            return removed

        return self.run(work)

    def remove_scores(self, cutoff: int, most: int) -> int:
        """Remove scores of a time before the cut-off, so many at most; how many went."""
        asked = {"cutoff": cutoff, "most": most}
        return self.run(lambda: self.connection.execute(statement("prune_scores"), asked).rowcount)

    def _run(self, work: Callable[[], _T]) -> _T:
        if self._opened is None or self._identity() != self._opened:
            self.connection.close()
            self._open()
        if self._damaged:
            raise sqlite3.DatabaseError(_DAMAGED)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self.connection.execute("COMMIT")
        except BaseException:
            self.strings.forget()
            # A full disk ends the transaction by itself; the first error is the one to tell.
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> None:
        self.generation += 1
        self._opened: tuple[int, int] | None = None
        self.connection = open_writer(self._path)
        self.strings = Strings(self.connection)
        self._opened = self._identity()
        self._damaged = False

    def distrust(self) -> None:
        """Write no more to this file: part of it cannot be read."""
        self._damaged = True

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _insert(self, rows: Sequence[Packed]) -> None:
        ids = self.strings.ids(text for row in rows for text in row.texts)
        values = [(*row.values, *(ids[text] for text in row.texts)) for row in rows]
        self.connection.executemany(statement("upsert_span"), values)
        self._note(rows, ids)

    def _note(self, rows: Sequence[Packed], ids: dict[str | None, int | None]) -> None:
        """Add the rows' groups, or move them to where the rows belong in the order of lists."""
        # Sorted, the value that counts comes last for each group.
        by_end = sorted(rows, key=_by_end)
        sessions = {row.session: row.end for row in by_end}
        users = {row.user: row.end for row in by_end}
        traces = {row.trace: row.start for row in sorted(rows, key=_by_start, reverse=True)}
        for kind, found in (("session", sessions), ("user", users)):
            named = ((ids[text], end) for text, end in found.items() if text)
            self.connection.executemany(statement(f"note_{kind}"), named)
        self.connection.executemany(statement("note_trace"), traces.items())

    def _refresh(self) -> None:
        """Put right the groups that lost a row, or whose row moved."""
        for group in _GROUPS:
            for step in ("drop", "refresh", "forget"):
                self.connection.execute(statement(f"{step}_{group}"))
