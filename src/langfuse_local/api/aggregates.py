"""The aggregations of metrics: what each is in SQL, and what it gives where there is nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from langfuse_local.store.numbers import plain

if TYPE_CHECKING:
    from langfuse_local.api.views import Measure

__all__ = ["AGGREGATIONS", "aggregate", "allowed", "empty", "read"]

AGGREGATIONS: Final = (
    "sum",
    "avg",
    "count",
    "max",
    "min",
    "p50",
    "p75",
    "p90",
    "p95",
    "p99",
    "histogram",
    "uniq",
)
_OF_TEXT: Final = ("count", "uniq")
_COUNTS: Final = {"count": "count({0})", "uniq": "count(DISTINCT {0})"}
_NUMBERS: Final = {
    "sum": "iif(count({0}), total({0}), NULL)",
    "min": "min({0})",
    "max": "max({0})",
}
_PLACES: Final = 12


def allowed(measure: Measure) -> tuple[str, ...]:
    """The aggregations that Langfuse allows for a measure of this type."""
    return _OF_TEXT if measure.type == "string" else AGGREGATIONS


def aggregate(aggregation: str, measure: Measure, bins: int) -> str:
    """SQL over a group's rows."""
    if aggregation in _COUNTS:
        return _COUNTS[aggregation].format(measure.sql)
    if aggregation in _NUMBERS:
        sql = _NUMBERS[aggregation].format(measure.sql)
        return sql if measure.optional else f"coalesce({sql}, 0)"
    if aggregation == "histogram":
        return f"coalesce(histogram({measure.sql}, {bins}), '[]')"
    if aggregation == "avg":
        return f"avg({measure.sql})"
    return f"quantile({measure.sql}, {int(aggregation[1:]) / 100})"


def empty(aggregation: str, measure: Measure) -> Any:
    """What a gap of a time series shows: ClickHouse's default for the column."""
    if aggregation == "histogram":
        return []
    return None if measure.optional and aggregation not in _COUNTS else 0


def read(value: Any) -> Any:
    """A value as it is answered: a histogram as a list, whole numbers as such."""
    if isinstance(value, str):
        return json.loads(value)
    return plain(round(value, _PLACES)) if isinstance(value, float) else value
