"""Observations in a SQLite file: one thread writes, readers have connections of their own."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING

from langfuse_local.codec import Stored, pack, unpack
from langfuse_local.conditions import Position, after, blob_is
from langfuse_local.database import open_reader, open_writer
from langfuse_local.prices import Prices, price_of
from langfuse_local.sql import statement
from langfuse_local.strings import Strings
from langfuse_local.summaries import (
    Counts,
    SessionSummary,
    TraceSummary,
    UserSummary,
    counts_of,
    session_of,
    trace_of,
    user_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from langfuse_local.codec import Packed
    from langfuse_local.conditions import Condition
    from langfuse_local.observation import Observation

__all__ = ["Store"]

_NEWEST_FIRST = " ORDER BY s.start DESC, s.trace DESC, s.span DESC LIMIT ?"
_OLDEST_FIRST = " ORDER BY s.start, s.id"
_PAGE = 50


class Store:
    """The backend's one file. Safe to use from many threads; close it when done.

    Reads see everything that a finished `save` stored. Lists are newest first.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, made on first use; raises StoreError."""
        self.path = path
        self._writer = open_writer(path)
        self._strings = Strings(self._writer)
        self._write = ThreadPoolExecutor(1, "store-writer")
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue()
        self.prices = Prices()
        self.reprice()

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self._write.shutdown()
        with suppress(Empty):
            while True:
                self._readers.get_nowait().close()
        self._writer.close()

    def save(self, observations: Sequence[Observation]) -> None:
        """Store all of them or none, and return when they are on disk; raises sqlite3.Error.

        One that is there already, by trace id and span id, is replaced.
        """
        received = time.time_ns() // 1000
        packed = [pack(observation, received) for observation in observations]
        if packed:
            self._write.submit(self._save, packed).result()

    def write(self, query: str, values: dict[str, object]) -> None:
        """Run one statement and return when it is on disk; raises sqlite3.Error."""
        self._write.submit(self._writer.execute, query, values).result()

    def rows(
        self, query: str, values: tuple[object, ...] | dict[str, object] = ()
    ) -> list[sqlite3.Row]:
        """What a query over the whole file gives."""
        with self._reading() as connection:
            return connection.execute(query, values).fetchall()

    def reprice(self) -> None:
        """Let the project's own prices, as stored, count for the spans to come."""
        self.prices = Prices(price_of(row) for row in self.rows(statement("models")))

    def observations(
        self, conditions: Sequence[Condition], *, limit: int, position: Position | None = None
    ) -> list[Stored]:
        """The newest observations that meet every condition, from after a position on."""
        wanted = [*conditions, *([after(position)] if position else [])]
        return self._observations(wanted, _NEWEST_FIRST, limit)

    def observations_of_trace(self, trace_id: str) -> list[Stored]:
        """Every observation of a trace, oldest first."""
        return self._observations([blob_is("trace", trace_id)], _OLDEST_FIRST)

    def counts(self) -> Counts:
        """How many sessions, users, traces and observations there are."""
        return counts_of(self.rows(statement("counts"))[0])

    def sessions(
        self, *, limit: int = _PAGE, offset: int = 0, user: str | None = None
    ) -> list[SessionSummary]:
        """Sessions by last activity, all or those of one user."""
        chosen = "sessions" if user is None else "sessions_of_user"
        asked = {"limit": limit, "offset": offset, "user": user}
        return [session_of(row) for row in self._summaries("session", chosen, asked)]

    def session(self, session_id: str) -> SessionSummary | None:
        """One session, None if no observation has that id."""
        rows = self._summaries("session", "interned_id", {"id": session_id})
        return session_of(rows[0]) if rows else None

    def users(self, *, limit: int = _PAGE, offset: int = 0) -> list[UserSummary]:
        """Users by last activity; on the last page, what has no user comes last."""
        rows = self._summaries("user", "users", {"limit": limit, "offset": offset})
        if len(rows) < limit:
            rows += self.rows(_summary("user", "without_user"), {})
        return [user_of(row) for row in rows]

    def user(self, user_id: str) -> UserSummary | None:
        """One user, None if no observation has that id."""
        rows = self._summaries("user", "interned_id", {"id": user_id})
        return user_of(rows[0]) if rows else None

    def traces(
        self,
        *,
        limit: int = _PAGE,
        offset: int = 0,
        session: str | None = None,
        user: str | None = None,
    ) -> list[TraceSummary]:
        """Traces by start: all, or those of one session, or else of one user."""
        chosen = "traces_of_session" if session is not None else "traces_of_user"
        if session is None and user is None:
            chosen = "traces"
        asked = {"limit": limit, "offset": offset, "session": session, "user": user}
        return [trace_of(row) for row in self._summaries("trace", chosen, asked)]

    def trace(self, trace_id: str) -> TraceSummary | None:
        """One trace by its hex id, None if there is none."""
        with suppress(ValueError):
            rows = self._summaries("trace", "trace", {"id": bytes.fromhex(trace_id)})
            return trace_of(rows[0]) if rows else None
        return None

    def _save(self, packed: Sequence[Packed]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            ids = self._strings.ids(text for row in packed for text in row.texts)
            self._writer.executemany(
                statement("upsert_span"),
                ((*row.values, *(ids[text] for text in row.texts)) for row in packed),
            )
            self._writer.execute("COMMIT")
        except BaseException:
            self._strings.forget()
            # A full disk ends the transaction by itself; the first error is the one to tell.
            with suppress(sqlite3.OperationalError):
                self._writer.execute("ROLLBACK")
            raise

    def _observations(
        self, conditions: Sequence[Condition], order: str, *values: object
    ) -> list[Stored]:
        where = " AND ".join(condition.sql for condition in conditions) or "1"
        given = (value for condition in conditions for value in condition.values)
        query = f"{statement('observations')} WHERE {where}{order}"
        return [unpack(row) for row in self.rows(query, (*given, *values))]

    def _summaries(self, kind: str, chosen: str, asked: Mapping[str, object]) -> list[sqlite3.Row]:
        query = _summary(kind, f"{kind}_totals", chosen)
        return self.rows(query, {"limit": 1, "offset": 0, **asked})

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._readers.get_nowait()
        except Empty:
            connection = open_reader(self.path)
        try:
            yield connection
        finally:
            self._readers.put(connection)


def _summary(kind: str, totals: str, chosen: str | None = None) -> str:
    """One query out of three: which groups, their sums, and what is shown beside the sums.

    The sums are taken over the chosen groups alone, through an index, and what needs a look-up per
    group is looked up for the one page that is shown.
    """
    named = {"chosen": chosen, "page": totals}
    parts = [f"{name} AS (\n{statement(of)}\n)" for name, of in named.items() if of]
    return f"WITH {', '.join(parts)}\n{statement(f'{kind}_summary')}"
