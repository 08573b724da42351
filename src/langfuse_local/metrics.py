"""What `/api/public/v2/metrics` is asked, as one SQL query over observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from langfuse_local import zod
from langfuse_local.answers import InvalidRequestError
from langfuse_local.columns import NUMBERS, TEXTS, id_text
from langfuse_local.conditions import Condition, since
from langfuse_local.filters import conditions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Metrics"]

_VIEW: Final = "observations"
_ROWS: Final = 100
_MOST_ROWS: Final = 1000
_DIMENSIONS: Final = (
    "environment",
    "level",
    "model",
    "name",
    "providedModelName",
    "release",
    "sessionId",
    "tags",
    "traceId",
    "traceName",
    "type",
    "userId",
    "version",
)
_MANY: Final = {"sessionId", "traceId", "userId"}
_TAGS: Final = (
    " LEFT JOIN strings AS tagged ON tagged.id = s.tags LEFT JOIN json_each(tagged.value) AS tag"
)
_MEASURES: Final = {
    "count": "1",
    "inputTokens": NUMBERS["inputTokens"],
    # Filters take seconds, metrics answer milliseconds.
    "latency": "((s.start + s.duration) / 1000 - s.start / 1000)",
    "outputTokens": NUMBERS["outputTokens"],
    "timeToFirstToken": "(s.first_token / 1000 - s.start / 1000)",
    "totalCost": NUMBERS["totalCost"],
    "totalTokens": NUMBERS["totalTokens"],
    "traceId": "s.trace",
}
_AGGREGATIONS: Final = {
    "count": "count({0})",
    "uniq": "count(DISTINCT {0})",
    "sum": "total({0})",
    "avg": "avg({0})",
    "min": "min({0})",
    "max": "max({0})",
    **{f"p{level}": f"quantile({{0}}, {level / 100})" for level in (50, 75, 90, 95, 99)},
}
_OF_TEXT: Final = ("count", "uniq")
_DIRECTIONS: Final = ("asc", "desc")


@dataclass(frozen=True, slots=True)
class Metrics:
    """A query: the keys of a result's row in their order, the SQL that gives them, its values."""

    keys: tuple[str, ...]
    sql: str
    values: tuple[object, ...]

    @classmethod
    def of(cls, text: str) -> Metrics:
        """Read the JSON of the parameter; raises InvalidDataError or InvalidRequestError."""
        asked = zod.record(zod.document(text, ("query",)), ("query",))
        _check_view(asked)
        dimensions = _names(asked, "dimensions", "field", _DIMENSIONS)
        metrics = _metrics(asked)
        order = _order(asked, (*dimensions, *metrics))
        limit = _limit(asked)
        _check_cardinality(asked, dimensions, [*metrics], order, limit)
        where = _where(asked)
        selected = {**{name: _dimension(name) for name in dimensions}, **metrics}
        columns = ", ".join(f'{sql} AS "{name}"' for name, sql in selected.items())
        groups = f" GROUP BY {', '.join(map(_group, dimensions))}" if dimensions else ""
        ordered = ", ".join(f'"{field}" {way}' for field, way in order or _first(metrics))
        return cls(
            tuple(selected),
            f"SELECT {columns} FROM spans AS s{_TAGS if 'tags' in dimensions else ''}"  # noqa: S608 - names from the tables above
            f" WHERE {' AND '.join(one.sql for one in where)}{groups} ORDER BY {ordered} LIMIT ?",
            (*(value for one in where for value in one.values), limit or _ROWS),
        )


def _check_view(asked: Mapping[str, Any]) -> None:
    view = zod.text(zod.member(asked, "view"), ("query", "view"))
    if view != _VIEW:
        raise InvalidRequestError("The local backend answers metrics for the view 'observations'.")
    if asked.get("timeDimension") is not None:
        raise InvalidRequestError("The local backend answers no timeDimension: leave it out.")


def _names(
    asked: Mapping[str, Any], part: str, member: str, known: Sequence[str]
) -> tuple[str, ...]:
    path = ("query", part)
    sent = asked.get(part) or []
    names = [
        zod.text(zod.member(zod.record(one, (*path, place)), member), (*path, place, member))
        for place, one in enumerate(zod.array(sent, path))
    ]
    for name in names:
        if name not in known:
            raise InvalidRequestError(
                f"Invalid {member if part == 'metrics' else part[:-1]} {name}."
                f" Must be one of {', '.join(known)}"
            )
    return tuple(dict.fromkeys(names))


def _metrics(asked: Mapping[str, Any]) -> dict[str, str]:
    path = ("query", "metrics")
    sent = zod.array(zod.member(asked, "metrics"), path)
    if not sent:
        raise zod.custom("Too small: expected array to have >=1 items", path)
    _names(asked, "metrics", "measure", tuple(_MEASURES))
    found = {}
    for place, one in enumerate(sent):
        measure = one["measure"]
        known = _OF_TEXT if measure == "traceId" else tuple(_AGGREGATIONS)
        aggregation = zod.one_of(
            zod.member(one, "aggregation"), known, (*path, place, "aggregation")
        )
        found[f"{aggregation}_{measure}"] = _AGGREGATIONS[aggregation].format(_MEASURES[measure])
    return found


def _order(asked: Mapping[str, Any], known: Sequence[str]) -> list[tuple[str, str]]:
    path = ("query", "orderBy")
    order = []
    for place, one in enumerate(zod.array(asked.get("orderBy") or [], path)):
        sent = zod.record(one, (*path, place))
        field = zod.text(zod.member(sent, "field"), (*path, place, "field"))
        way = zod.one_of(zod.member(sent, "direction"), _DIRECTIONS, (*path, place, "direction"))
        order.append((field, way))
    for field, _ in order:
        if field not in known:
            raise InvalidRequestError(
                f"Invalid orderBy field {field}. Must be one of {', '.join(known)}"
            )
    return order


def _limit(asked: Mapping[str, Any]) -> int | None:
    path = ("query", "config")
    sent = zod.record(asked.get("config") or {}, path).get("row_limit")
    return (
        None
        if sent is None
        else zod.whole(sent, (*path, "row_limit"), smallest=1, largest=_MOST_ROWS)
    )


def _check_cardinality(
    asked: Mapping[str, Any],
    dimensions: Sequence[str],
    metrics: Sequence[str],
    order: Sequence[tuple[str, str]],
    limit: int | None,
) -> None:
    many = ", ".join(name for name in dimensions if name in _MANY)
    falling = [field for field, way in order if way == "desc"]
    if not many:
        return
    if limit is None or not asked.get("orderBy") or not falling:
        raise InvalidRequestError(
            f"High cardinality dimension(s) '{many}' require both 'config.row_limit' and 'orderBy'"
            " with direction 'desc' on a measure field."
        )
    if wrong := [field for field in falling if field not in metrics]:
        raise InvalidRequestError(
            f"High cardinality dimension(s) '{many}' require 'orderBy' with direction 'desc' on a"
            f" measure field. '{', '.join(wrong)}' {'is' if len(wrong) == 1 else 'are'} not a"
            " measure in this query."
        )


def _where(asked: Mapping[str, Any]) -> list[Condition]:
    start = zod.moment(zod.member(asked, "fromTimestamp"), ("query", "fromTimestamp"))
    end = zod.moment(zod.member(asked, "toTimestamp"), ("query", "toTimestamp"))
    if start >= end:
        raise zod.custom("fromTimestamp must be before toTimestamp", ("query",))
    filters = conditions_of(asked.get("filters") or [], ("query", "filters"))
    return [since(start), Condition("s.start <= ?", (end,)), *filters]


def _dimension(name: str) -> str:
    if name in TEXTS:
        return f"(SELECT value FROM strings WHERE id = s.{TEXTS[name]})"  # noqa: S608 - a column
    return "tag.value" if name == "tags" else id_text("trace")


def _group(name: str) -> str:
    return "tag.value" if name == "tags" else f"s.{TEXTS.get(name, 'trace')}"


def _first(metrics: Mapping[str, str]) -> list[tuple[str, str]]:
    """Langfuse orders by the first metric when nothing else is asked."""
    return [(next(iter(metrics)), "desc")]
