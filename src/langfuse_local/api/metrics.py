"""A metrics query as SQL, and its rows as `/api/public/v2/metrics` answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..store.conditions import every
from ..store.numbers import plain
from .metrics_query import DIMENSIONS

if TYPE_CHECKING:
    from ..store.store import Store
    from .metrics_query import MetricsQuery

__all__ = ["metrics"]

_PLACES: Final = 12  # of a decimal in Langfuse's database


def metrics(store: Store, query: MetricsQuery) -> list[dict[str, Any]]:
    """Answer the query, a row for each group."""
    values = [value for condition in query.conditions for value in condition.values]
    rows = store.rows(_sql(query), (query.start, query.end, *values, query.limit))
    return [{key: _value(row[key]) for key in query.keys} for row in rows]


def _sql(query: MetricsQuery) -> str:
    dimensions = [
        f'(SELECT value FROM strings WHERE id = s.{DIMENSIONS[name]}) AS "{name}"'  # noqa: S608 - names from tables
        for name in query.dimensions
    ]
    selected = [*dimensions, *(f'{metric.sql} AS "{metric.key}"' for metric in query.metrics)]
    conditions = every([condition.sql for condition in query.conditions])
    groups = ", ".join(f"s.{DIMENSIONS[name]}" for name in query.dimensions)
    order = query.order or ((query.metrics[0].key, "desc"),)
    ordered = ", ".join(f'"{key}" {direction} NULLS LAST' for key, direction in order)
    return (
        f"SELECT {', '.join(selected)} FROM spans AS s"  # noqa: S608 - as above
        f" WHERE s.start >= ? AND s.start <= ? AND {conditions}"
        f"{f' GROUP BY {groups}' if groups else ''} ORDER BY {ordered} LIMIT ?"
    )


def _value(value: Any) -> Any:
    return plain(round(value, _PLACES)) if isinstance(value, float) else value
