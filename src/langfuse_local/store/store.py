"""Observations in a SQLite file: one connection writes, readers have their own."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from .codec import Stored, origin, unpack
from .conditions import Position, after, every, id_is
from .ids import key_of
from .pruning import prune
from .readers import Readers
from .selection import EVERYTHING, conditions
from .sql import statement
from .summaries import (
    Counts,
    Outline,
    SessionSummary,
    TraceSummary,
    UserSummary,
    counts_of,
    outline_of,
    session_of,
    trace_of,
    user_of,
)
from .sums import Sums
from .writer import Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ..mapping.observation import Observation
    from ..mapping.origin import Origin
    from .conditions import Condition
    from .selection import Kind, Selection
    from .sums import Order

__all__ = ["Store"]

_NEWEST_FIRST = " ORDER BY s.start DESC, s.trace DESC, s.span DESC LIMIT ?"
_OLDEST_FIRST = " ORDER BY s.start, s.id"
_PAGE = 50
_ORDERS = {
    "turns": "turns",
    "observations": "observations",
    "errors": "errors",
    "tokens": "input_tokens + output_tokens",
    "cost": "cost",
}


class Store:
    """The backend's one file. Safe to use from many threads; close it when done.

    Reads see everything that a finished `save` stored. Lists are newest first, or by a number, the
    largest first.

    Attributes:
        sums: What charts are drawn of.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, created on first use; raises StoreError."""
        self.path = path
        self._writer = Writer(path)
        self._readers = Readers(path, self._writer)
        self.sums = Sums(self.rows)

    def close(self) -> None:
        """Finish the write under way and close the file."""
        self._readers.close()
        self._writer.close()

    def save(self, observations: Iterable[Observation]) -> None:
        """Store all of them or none, and return when they are on disk.

        An observation with the same trace id and span id is replaced. Raises sqlite3.Error or
        StoreError, and whatever iterating over the observations raises.
        """
        self._writer.save(observations)

    def prune(self, *, before: int | None = None, max_bytes: int | None = None) -> int:
        """Remove the oldest traces with their scores; returns the number of observations removed.

        Args:
            before: Removes traces of which nothing arrived since, in microseconds since the epoch,
                and every score whose own time is earlier, as Langfuse's retention does.
            max_bytes: Removes traces until the rest takes no more than this of the file, and the
                scores of sessions that have no trace left.
        """
        return prune(self._writer, self.rows, before=before, max_bytes=max_bytes)

    def write(self, query: str, values: dict[str, object]) -> None:
        """Run one statement and return when it is on disk; raises sqlite3.Error or StoreError."""
        self._writer.run(lambda: self._writer.connection.execute(query, values))

    def rows(
        self, query: str, values: tuple[object, ...] | dict[str, object] = ()
    ) -> list[sqlite3.Row]:
        """The rows that a query returns."""
        with self._readers.connection() as connection:
            return connection.execute(query, values).fetchall()

    def observations(
        self, conditions: Sequence[Condition], *, limit: int, position: Position | None = None
    ) -> list[Stored]:
        """The newest observations that meet every condition, from after a position on."""
        bounds = [after(position)] if position else []
        return self._observations([*conditions, *bounds], _NEWEST_FIRST, limit)

    def observations_of_trace(self, trace_id: str) -> list[Stored]:
        """Every observation of a trace, oldest first."""
        return self._observations([id_is("trace", trace_id)], _OLDEST_FIRST)

    def outline(self, trace_id: str) -> list[Outline]:
        """A trace's observations without their content, oldest first: quick, however many."""
        rows = self.rows(statement("outline"), {"trace": key_of(trace_id)})
        return [outline_of(row) for row in rows]

    def observation(self, trace_id: str, span_id: str) -> Stored | None:
        """One observation, None if it is not there."""
        found = self._observations([id_is("trace", trace_id), id_is("span", span_id)], "")
        return found[0] if found else None

    def counts(self) -> Counts:
        """How many sessions, users, traces and observations there are."""
        return counts_of(self.rows(statement("counts"))[0])

    def sessions(
        self,
        *,
        limit: int = _PAGE,
        offset: int = 0,
        user: str | None = None,
        order: Order = "time",
        where: Selection = EVERYTHING,
    ) -> list[SessionSummary]:
        """Sessions, all or those of one user; their time is that of the last activity."""
        chosen = "sessions" if user is None else "sessions_of_user"
        values = {"limit": limit, "offset": offset, "user": user}
        return [session_of(row) for row in self._list("session", chosen, values, order, where)]

    def session(self, session_id: str) -> SessionSummary | None:
        """One session, None if no observation has that id."""
        rows = self._summaries("session", "string_id", {"value": session_id})
        return session_of(rows[0]) if rows else None

    def users(
        self,
        *,
        limit: int = _PAGE,
        offset: int = 0,
        order: Order = "time",
        where: Selection = EVERYTHING,
    ) -> list[UserSummary]:
        """Users; their time is that of the last activity. What has no user comes last of all."""
        values = {"limit": limit, "offset": offset}
        rows = self._list("user", "users", values, order, where)
        if len(rows) < limit and where == EVERYTHING:
            rows += self.rows(_summary("user", "ended", "without_user"), {})
        return [user_of(row) for row in rows]

    def user(self, user_id: str) -> UserSummary | None:
        """One user, None if no observation has that id."""
        rows = self._summaries("user", "string_id", {"value": user_id})
        return user_of(rows[0]) if rows else None

    def traces(
        self,
        *,
        limit: int = _PAGE,
        offset: int = 0,
        session: str | None = None,
        user: str | None = None,
        order: Order = "time",
        where: Selection = EVERYTHING,
    ) -> list[TraceSummary]:
        """Traces, all, or those of one session, or else of one user; their time is their start."""
        chosen = "traces_of_session" if session is not None else "traces_of_user"
        if session is None and user is None:
            chosen = "traces"
        values = {"limit": limit, "offset": offset, "session": session, "user": user}
        return [trace_of(row) for row in self._list("trace", chosen, values, order, where)]

    def trace(self, trace_id: str) -> TraceSummary | None:
        """One trace, None if no observation has that id."""
        rows = self._summaries("trace", "trace_by_id", {"id": key_of(trace_id)})
        return trace_of(rows[0]) if rows else None

    def _observations(
        self, conditions: Sequence[Condition], order: str, *values: object
    ) -> list[Stored]:
        where = every([condition.sql for condition in conditions])
        parameters = (value for condition in conditions for value in condition.values)
        query = f"{statement('observations')} WHERE {where}{order}"
        with self._readers.connection() as connection, connection:
            connection.execute("BEGIN")  # Both queries see the same state of the file.
            # Rows share origins, which may be large: each is read once.
            origin_of = cache(partial(_origin, connection))
            rows = connection.execute(query, (*parameters, *values))
            return [unpack(row, origin_of) for row in rows]

    def _list(
        self, kind: Kind, chosen: str, values: Mapping[str, object], order: Order, where: Selection
    ) -> list[sqlite3.Row]:
        sql, wanted, is_few = conditions(self.rows, kind, where)
        column = _ORDERS.get(order) or ("started" if kind == "trace" else "ended")
        # With the plus, few groups are looked up and sorted, and no index is read for their order.
        query = _summary(kind, f"+({column})" if is_few else column, f"{kind}_totals", chosen, sql)
        return self.rows(query, {**wanted, **values})

    def _summaries(self, kind: str, chosen: str, values: dict[str, object]) -> list[sqlite3.Row]:
        return self.rows(_summary(kind, "observations", f"{kind}_totals", chosen), values)


def _origin(connection: sqlite3.Connection, resource: int, scope: int) -> Origin:
    parts = (connection.execute(statement("string"), (each,)) for each in (resource, scope))
    return origin(*(part.fetchone()[0] for part in parts))


def _summary(
    kind: str, order: str, totals: str, chosen: str | None = None, where: str = "1"
) -> str:
    """One query out of three statements: the chosen groups, their totals, and their summaries.

    An index makes the totals of the chosen groups alone quick, and a summary needs look-ups per
    group, which one page keeps few.
    """
    names = {"chosen": chosen, "page": totals}
    tables = [
        f"{table} AS (\n{statement(name, order=order, where=where)}\n)"
        for table, name in names.items()
        if name
    ]
    return f"WITH {', '.join(tables)}\n{statement(f'{kind}_summary', order=order)}"
