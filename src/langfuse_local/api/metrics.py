"""What `/api/public/v2/metrics` is asked, as one SQL query, and how its rows are answered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from langfuse_local.api import zod
from langfuse_local.api.aggregates import aggregate, empty, read
from langfuse_local.api.metrics_query import Query
from langfuse_local.api.timeline import KEY, Timeline
from langfuse_local.store.conditions import every

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Metrics"]

_COUNT: Final = "count"  # what is answered if no metric is asked for


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the answer: its SQL, what is grouped by, and how SQL's value is answered."""

    sql: str
    group: str = ""
    empty: Any = None
    read: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """A query: the SQL with its values, and how the rows that it gives are answered."""

    sql: str
    values: tuple[object, ...]
    keys: Mapping[str, _Key]
    timeline: Timeline | None
    limit: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the JSON of the parameter; raises InvalidDataError or InvalidRequestError."""
        query = Query.of(zod.query_document(text, "query"))
        timeline = _timeline(query)
        keys = _keys(query, timeline)
        source, values = _source(query)
        sql = (
            f"SELECT {_selected(keys)} FROM {source}{_grouped(keys)}{_ordered(query, keys)} LIMIT ?"  # noqa: S608 - names from tables
        )
        # An order that was asked for leaves no place for what is between the rows.
        filled = None if query.order else timeline
        return cls(sql, (*values, query.limit), keys, filled, query.limit)

    def answer(self, rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
        """The rows as they are answered, with the gaps of a time series filled."""
        found = [self._row(row) for row in rows]
        if self.timeline is None:
            return found
        nothing = {name: key.empty for name, key in self.keys.items()}
        return list(islice(self.timeline.filled(found, nothing), self.limit))

    def _row(self, row: sqlite3.Row) -> dict[str, Any]:
        return {
            name: value if key.read is None or value is None else key.read(value)
            for (name, key), value in zip(self.keys.items(), row, strict=True)
        }


def _timeline(query: Query) -> Timeline | None:
    if query.granularity is None:
        return None
    return Timeline.of(query.granularity, query.start, query.end)


def _keys(query: Query, timeline: Timeline | None) -> dict[str, _Key]:
    keys = {}
    for name in query.dimensions:
        one = query.view.dimensions[name]
        keys[name] = _Key(one.sql, one.group or one.sql, one.empty, one.read)
    if timeline:
        step = timeline.sql(query.view.time)
        keys[KEY] = _Key(step, step)
    for name, (measured, how) in query.metrics.items():
        measure = query.view.measures[measured]
        sql = aggregate(how, measure, query.bins)
        keys[name] = _Key(sql, empty=empty(how, measure), read=read)
    return keys if query.metrics else {**keys, _COUNT: _Key("count(*)", empty=0)}


def _source(query: Query) -> tuple[str, list[object]]:
    """What follows FROM up to the groups, and its values."""
    view = query.view
    named = [view.dimensions.get(name) for name in (*query.dimensions, *query.filtered)]
    measured = [view.measures[measure] for measure, _ in query.metrics.values()]
    wanted = {one.join for one in (*named, *measured) if one}
    joins = [sql for name, sql in view.joins.items() if name in wanted]
    range_ = [query.start, query.end]
    asked = every([one.sql for one in query.conditions])
    where = f"{view.always} AND {view.time} >= ? AND {view.time} <= ? AND {asked}"
    values = [value for one in query.conditions for value in one.values]
    source = f"{' '.join((view.source, *joins))} WHERE {where}"
    return source, [*range_ * len(joins), *range_, *values]


def _selected(keys: Mapping[str, _Key]) -> str:
    return ", ".join(f'{key.sql} AS "{name}"' for name, key in keys.items())


def _grouped(keys: Mapping[str, _Key]) -> str:
    groups = [key.group for key in keys.values() if key.group]
    return f" GROUP BY {', '.join(groups)}" if groups else ""


def _ordered(query: Query, keys: Mapping[str, _Key]) -> str:
    """As asked, else by time, else by the first metric, else by the first dimension."""
    first = (*query.metrics, *query.dimensions)
    order = list(query.order)
    if not order and KEY in keys:
        order = [(KEY, "asc")]
    elif not order and first:
        order = [(first[0], "desc" if query.metrics else "asc")]
    listed = ", ".join(f'"{name}" {way} NULLS LAST' for name, way in order)
    return f" ORDER BY {listed}" if listed else ""
