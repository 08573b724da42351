"""Connections that read the file, each used by one thread at a time and kept for the next one."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

from .database import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .writer import Writer

__all__ = ["Readers"]

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Readers:
    """Safe to use from many threads; reads the file that the writer has open."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path = path
        self._writer = writer
        self._idle: LifoQueue[tuple[int, sqlite3.Connection]] = LifoQueue()

    def close(self) -> None:
        """Close every connection that is not in use."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait()[1].close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one reader; raises sqlite3.Error or StoreError."""
        generation, connection = self._take()
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode in _DAMAGED:
                self._writer.mark_damaged()
            raise
        finally:
            self._idle.put((generation, connection))

    def _take(self) -> tuple[int, sqlite3.Connection]:
        self._writer.check()
        generation = self._writer.generation
        with suppress(Empty):
            while True:
                opened, connection = self._idle.get_nowait()
                if opened == generation:
                    return opened, connection
                connection.close()  # It belongs to a file that was moved away.
        return generation, open_reader(self._path)
