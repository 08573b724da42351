"""Writes to the file: one connection, one thread, one transaction at a time."""

from __future__ import annotations

import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from .codec import pack
from .database import StoreError, open_writer
from .sql import statement
from .strings import Strings
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ..mapping.observation import Observation
    from .codec import Packed

__all__ = ["Writer"]

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
_DAMAGED = "the file is damaged. Move it away: a new one is made at once, and no restart is needed"
_ROWS_AT_A_TIME = 512  # are in memory
_GROUPS = ("sessions", "users", "traces")


class Writer:
    """Safe to use from many threads; close it when done.

    A file that was moved away or deleted is created again, since nobody would find what is written
    to the old one; `generation` counts how often.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, created on first use; raises StoreError."""
        self.generation = 0
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")  # SQLite's own
        self._thread = ThreadPoolExecutor(1, "store-writer")
        self._open()

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self._thread.shutdown()
        self.connection.close()

    def run(self, work: Callable[[], _T]) -> _T:
        """Run `work` on `connection` in one transaction, which is rolled back if it fails.

        Raises sqlite3.Error or StoreError, and whatever `work` raises.
        """
        return self._thread.submit(self._run, work).result()

    def save(self, observations: Iterable[Observation]) -> None:
        """Insert or replace the observations, which are consumed in portions."""
        received = time.time_ns() // 1000
        packed = (pack(observation, received) for observation in observations)

        def work() -> None:
            while rows := list(islice(packed, _ROWS_AT_A_TIME)):
                self._insert(rows)
            self._correct_stale_groups()

        self.run(work)

    def remove(self, cutoff: int, oldest: int) -> int:
        """Remove the traces of the oldest rows; returns how many rows that were.

        A trace stays if a row of it arrived since the cut-off. The scores of a trace go with its
        last row, and those of a session before the cut-off.
        """

        def work() -> int:
            values = {"cutoff": cutoff, "oldest": oldest}
            removed = self.connection.execute(statement("delete_oldest_spans"), values).rowcount
            self._tally.update()
            self.connection.execute(statement("delete_scores_of_traces"))
            self.connection.execute(statement("delete_scores_of_sessions"), {"cutoff": cutoff})
            self._correct_stale_groups()
            return removed

        return self.run(work)

    def remove_scores(self, cutoff: int, most: int) -> int:
        """Remove up to `most` scores from before the cut-off; returns how many."""
        values = {"cutoff": cutoff, "most": most}
        sql = statement("delete_oldest_scores")
        return self.run(lambda: self.connection.execute(sql, values).rowcount)

    def check(self) -> None:
        """Make sure that readers see what is in the file; raises sqlite3.Error or StoreError."""
        if (
            self._opened
            and _inode(self._path) == self._opened
            and _inode(self._log) != self._log_id
        ):
            self.run(lambda: None)

    def _run(self, work: Callable[[], _T]) -> _T:
        if self._opened is None or _inode(self._path) != self._opened:
            self.connection.close()
            self._open()
        elif _inode(self._log) != self._log_id:
            self._save_log()
        if self._damaged:
            raise sqlite3.DatabaseError(_DAMAGED)
        self._begin()
        try:
            result = work()
            self.connection.execute("COMMIT")
        except BaseException:
            self.strings.forget()
            # A full disk ends the transaction by itself; the first error is the one to report.
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise
        return result

    def _begin(self) -> None:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(
                f"Another program is writing to {self._path}: close what has it open."
            ) from error

    def _save_log(self) -> None:
        """Move what the deleted log holds, which this connection alone still sees, to the file."""
        (is_busy, *_) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(f"{self._log} was deleted, and {self._path} is being read: try again.")
        _logger.warning("%s was deleted. What it held is saved in %s.", self._log, self._path)
        self.connection.close()
        self._open()

    def _open(self) -> None:
        self.generation += 1
        self._opened: tuple[int, int] | None = None
        self.connection = open_writer(self._path)
        self.strings = Strings(self.connection)
        self._tally = Tally(self.connection, self.strings)
        self._opened = _inode(self._path)
        self._log_id = _inode(self._log)
        self._damaged = False
        self._check_sums()

    def _check_sums(self) -> None:
        """Make the sums again if another program has written rows without them."""
        counted, there = self.connection.execute(statement("counted_rows")).fetchone()
        if counted != there:
            _logger.warning("The sums in %s did not agree with its rows: made again.", self._path)
            self.connection.execute("BEGIN IMMEDIATE")
            self._tally.rebuild()
            self.connection.execute("COMMIT")

    def mark_damaged(self) -> None:
        """Stop writing to this file, since part of it cannot be read."""
        self._damaged = True

    def _insert(self, rows: Sequence[Packed]) -> None:
        ids = self.strings.ids(text for row in rows for text in row.interned)
        values = [(*row.values, *(ids[text] for text in row.interned)) for row in rows]
        self.connection.executemany(statement("upsert_span"), values)
        self._tally.update(rows, ids)

    def _correct_stale_groups(self) -> None:
        """Correct the groups that lost a row, or whose row moved."""
        for group in _GROUPS:
            for step in ("drop_empty", "correct_stale", "clear_stale"):
                self.connection.execute(statement(f"{step}_{group}"))


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
