"""The JSON of a metrics query, checked in Langfuse's order.

It holds what the demo's checks and Langfuse's recorded answers need: sums, counts and the 95th
percentile of observations, in all or by user, session or version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from ..responses import InvalidRequestError
from .filters import conditions_of, parse_filters
from .validation import array, moment, option, record, text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.conditions import Condition

__all__ = ["DIMENSIONS", "Metric", "MetricsQuery"]

DIMENSIONS: Final = {"sessionId": "session", "userId": "user", "version": "version"}
"""The column that holds each dimension."""
_MANY_VALUES: Final = ("sessionId", "userId")
_MEASURES: Final = {
    "count": "1",
    "latency": "((s.start + s.duration) / 1000 - s.start / 1000)",  # milliseconds
    "totalCost": "coalesce(s.cost, 0)",
    "totalTokens": "coalesce(s.total_tokens, 0)",
    "traceId": "s.trace",
}
_AGGREGATIONS: Final = {
    "count": "count({0})",
    "p95": "quantile({0}, 0.95)",
    "sum": "total({0})",
    "uniq": "count(DISTINCT {0})",
}
_DIRECTIONS: Final = ("asc", "desc")
_DEFAULT_LIMIT: Final = 100
_MAX_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Metric:
    """An aggregation of a measure."""

    measure: str
    aggregation: str

    @classmethod
    def parse(cls, member: dict[str, Any]) -> Self:
        """Read a member of `metrics`; raises InvalidRequestError."""
        measure = option(member.get("measure"), _MEASURES, "measure")
        aggregation = option(member.get("aggregation"), _AGGREGATIONS, "aggregation")
        if measure == "traceId" and aggregation not in {"count", "uniq"}:
            raise InvalidRequestError("The aggregation of traceId must be count or uniq.")
        return cls(measure, aggregation)

    @property
    def key(self) -> str:
        """The metric's key in the answer."""
        return f"{self.aggregation}_{self.measure}"

    @property
    def sql(self) -> str:
        """The value over a group's rows."""
        return _AGGREGATIONS[self.aggregation].format(_MEASURES[self.measure])


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """A query that can be answered.

    Attributes:
        start: The first microsecond since the epoch that counts.
        end: The last one.
        order: Keys of the answer with their directions; empty if the query names none.
    """

    dimensions: tuple[str, ...]
    metrics: tuple[Metric, ...]
    conditions: tuple[Condition, ...]
    start: int
    end: int
    order: tuple[tuple[str, str], ...]
    limit: int

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Check a query; raises InvalidDataError or InvalidRequestError."""
        members = record(document, "query")
        option(members.get("view"), ("observations",), "view")
        dimensions = [
            option(member.get("field"), DIMENSIONS, "dimensions.field")
            for member in _records(members, "dimensions")
        ]
        metrics = tuple(Metric.parse(member) for member in _records(members, "metrics"))
        order = tuple(_order(members))
        _check_many_values(members, dimensions, metrics, order)
        query = cls(
            dimensions=tuple(dict.fromkeys(dimensions)),
            metrics=metrics,
            conditions=tuple(conditions_of(parse_filters(members.get("filters", []), "filters"))),
            start=moment(members.get("fromTimestamp"), "fromTimestamp"),
            end=moment(members.get("toTimestamp"), "toTimestamp"),
            order=order,
            limit=_limit(members),
        )
        query.check()
        return query

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of each row of the answer."""
        return (*self.dimensions, *dict.fromkeys(metric.key for metric in self.metrics))

    def check(self) -> None:
        """Check that the parts go together; raises InvalidRequestError."""
        if not self.metrics:
            raise InvalidRequestError("metrics must not be empty.")
        if self.start >= self.end:
            raise InvalidRequestError("fromTimestamp must be before toTimestamp.")
        for field, _ in self.order:
            option(field, self.keys, "orderBy.field")


def _records(members: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    return (record(each, name) for each in array(members.get(name) or [], name))


def _order(members: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for member in _records(members, "orderBy"):
        direction = option(member.get("direction"), _DIRECTIONS, "orderBy.direction")
        yield text(member.get("field"), "orderBy.field"), direction


def _limit(members: dict[str, Any]) -> int:
    limit = record(members.get("config", {}), "config").get("row_limit", _DEFAULT_LIMIT)
    return whole_number(limit, "config.row_limit", smallest=1, largest=_MAX_LIMIT)


def _check_many_values(
    members: dict[str, Any],
    dimensions: list[str],
    metrics: tuple[Metric, ...],
    order: tuple[tuple[str, str], ...],
) -> None:
    """Ask for a limit, and an order by a metric, where there may be very many groups."""
    many = ", ".join(name for name in dimensions if name in _MANY_VALUES)
    keys = {metric.key for metric in metrics}
    is_ordered = any(field in keys and direction == "desc" for field, direction in order)
    if many and not (is_ordered and "row_limit" in (members.get("config") or {})):
        raise InvalidRequestError(
            f"High cardinality dimension(s) '{many}' require both 'config.row_limit' and 'orderBy'"
            " with direction 'desc' on a measure field."
        )
