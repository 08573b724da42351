"""Interns texts: each is stored once in the table `strings`, and recent ids are cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cache import MAX_KEY_LENGTH
from .sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["Strings"]

_MAX_CACHED = 50_000  # texts; session and user ids keep coming, names and versions repeat


class Strings:
    """Ids in the table `strings`, for the one connection that writes it.

    Attributes:
        parts: What callers found out about ids, kept for as long as the ids are valid.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.parts: dict[int, tuple[int | None, ...]] = {}
        self._connection = connection
        self._cached: dict[str | bytes, int] = {}
        self._used: set[int] | None = None

    def ids(self, texts: Iterable[str | bytes | None]) -> dict[str | bytes | None, int | None]:
        """The id of each text, new ones added inside the current transaction; None stays None."""
        if len(self._cached) > _MAX_CACHED:
            self.forget()
        wanted = {text for text in texts if text is not None}
        for text in wanted - self._cached.keys():
            self._cached[text] = self._add(text)
        if self._used is not None:
            self._used.update(self._cached[text] for text in wanted)
        ids: dict[str | bytes | None, int | None] = {text: self._cached[text] for text in wanted}
        for text in wanted:
            if len(text) > MAX_KEY_LENGTH:
                del self._cached[text]
        return ids | {None: None}

    def record_use(self) -> None:
        """Record which ids are used from now on."""
        self._used = set()

    def remove(self, unused: Iterable[int]) -> None:
        """Remove the texts of these ids, unless one was used since `record_use`."""
        used, self._used = self._used, None
        if used is None:  # The ids belong to a file that has been moved away since.
            return
        rows = ((string_id,) for string_id in unused if string_id not in used)
        self._connection.executemany(statement("delete_string"), rows)
        self.forget()

    def forget(self) -> None:
        """Empty the cache, after a rollback or a removal that made its ids invalid."""
        self._cached.clear()
        self.parts.clear()

    def _add(self, text: str | bytes) -> int:
        self._connection.execute(statement("intern"), (text,))
        row: tuple[int] = self._connection.execute(
            statement("string_id"), {"value": text}
        ).fetchone()
        return row[0]
