"""Each text once: the ids of interned texts, with the recent ones remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cache import LONGEST
from .sql import statement

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
        self._used: set[int] | None = None

    def ids(self, texts: Iterable[str | None]) -> dict[str | None, int | None]:
        """The id of each text, new ones added inside the current transaction; None stays None."""
        if len(self._known) > _REMEMBERED:
            self.forget()
        wanted = {text for text in texts if text is not None}
        for text in wanted - self._known.keys():
            self._known[text] = self._add(text)
        if self._used is not None:
            self._used.update(self._known[text] for text in wanted)
        found: dict[str | None, int | None] = {text: self._known[text] for text in wanted}
        for text in wanted:
            if len(text) > LONGEST:
                del self._known[text]
        return found | {None: None}

    def watch(self) -> None:
        """From now on, remember which ids are used."""
        self._used = set()

    def remove(self, unused: Iterable[int]) -> None:
        """Remove the texts of these ids, unless one was used since `watch`."""
        used, self._used = self._used, None
        if used is None:  # The ids are those of a file that was moved away since.
            return
        gone = ((one,) for one in unused if one not in used)
        self._connection.executemany(statement("remove_string"), gone)
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered: a transaction was rolled back, and its ids with it."""
        self._known.clear()

    def _add(self, text: str) -> int:
        self._connection.execute(statement("intern"), (text,))
        row: tuple[int] = self._connection.execute(statement("interned"), (text,)).fetchone()
        return row[0]
