"""Each text once: the ids of interned texts, with the recent ones remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langfuse_local.sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["Strings"]

_REMEMBERED = 50_000  # texts; session and user ids keep coming, names and versions repeat


class Strings:
    """Ids in the table `strings`, for the one connection that writes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    def ids(self, texts: Iterable[str | None]) -> dict[str | None, int | None]:
        """The id of each text, new ones added inside the current transaction; None stays None."""
        if len(self._known) > _REMEMBERED:
            self.forget()
        wanted = {text for text in texts if text is not None}
        for text in wanted - self._known.keys():
            self._known[text] = self._add(text)
        return {None: None, **{text: self._known[text] for text in wanted}}

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, and its ids with it."""
        self._known.clear()

    def _add(self, text: str) -> int:
        self._connection.execute(statement("intern"), (text,))
        row: tuple[int] = self._connection.execute(statement("interned"), (text,)).fetchone()
        return row[0]
