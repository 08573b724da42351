"""The JSON of a metrics query, checked in Langfuse's order and refused in its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from langfuse_local.api import zod
from langfuse_local.api.aggregates import AGGREGATIONS, allowed
from langfuse_local.api.filters import checked, conditions_of
from langfuse_local.api.observation_view import OBSERVATIONS
from langfuse_local.api.score_views import SCORE_VIEWS
from langfuse_local.api.timeline import GRANULARITIES, KEY
from langfuse_local.responses import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langfuse_local.api.views import View
    from langfuse_local.store.conditions import Condition

__all__ = ["Query"]

_PATH: Final = ("query",)
_VIEWS: Final[Mapping[str, View]] = {"observations": OBSERVATIONS, **SCORE_VIEWS}
_DIRECTIONS: Final = ("asc", "desc")
_ROWS, _MOST_ROWS = 100, 1000
_BINS, _MOST_BINS = 10, 100


@dataclass(frozen=True, slots=True)
class Query:
    """A query that makes sense.

    Attributes:
        metrics: Measures and their aggregations, by the key that they have in the answer.
        filtered: The columns that the conditions name.
        granularity: Of the time dimension; None without one.
        order: Keys of the answer with their directions; empty if nothing was asked for.
    """

    view: View
    dimensions: tuple[str, ...]
    metrics: Mapping[str, tuple[str, str]]
    conditions: tuple[Condition, ...]
    filtered: frozenset[str]
    granularity: str | None
    start: int
    end: int
    order: tuple[tuple[str, str], ...]
    bins: int
    limit: int

    @classmethod
    def of(cls, document: Any) -> Self:
        """Check a query; raises InvalidDataError or InvalidRequestError."""
        sent = _form(zod.record(document, _PATH))
        view = _VIEWS[sent["view"]]
        _check_cardinality(sent, view)
        _check_names(sent, view)
        filters = [_renamed(one, view) for one in sent["filters"]]
        conditions = tuple(conditions_of(filters, view.columns))
        metrics = {f"{how}_{measure}": (measure, how) for measure, how in sent["metrics"]}
        _check_order(sent, metrics)
        return cls(
            view=view,
            dimensions=tuple(dict.fromkeys(sent["dimensions"])),
            metrics=metrics,
            conditions=conditions,
            filtered=frozenset(one["column"] for one in filters),
            granularity=sent["granularity"],
            start=sent["start"],
            end=sent["end"],
            order=tuple(sent["order"]),
            bins=sent["bins"] or _BINS,
            limit=sent["limit"] or _ROWS,
        )


def _form(asked: dict[str, Any]) -> dict[str, Any]:
    """The members of the query, each of the right form."""
    zod.array(zod.member(asked, "metrics"), (*_PATH, "metrics"))
    found: dict[str, Any] = {
        "view": _option(asked, "view", tuple(_VIEWS), _PATH),
        "dimensions": [_member(one, "field", path) for one, path in _each(asked, "dimensions")],
        "metrics": [
            (_member(one, "measure", path), _option(one, "aggregation", AGGREGATIONS, path))
            for one, path in _each(asked, "metrics")
        ],
        "filters": checked(asked.get("filters", []), (*_PATH, "filters")),
        "granularity": _granularity(asked.get("timeDimension")),
        "start": zod.moment(zod.member(asked, "fromTimestamp"), (*_PATH, "fromTimestamp")),
        "end": zod.moment(zod.member(asked, "toTimestamp"), (*_PATH, "toTimestamp")),
        "order": [
            (_member(one, "field", path), _option(one, "direction", _DIRECTIONS, path))
            for one, path in _each(asked, "orderBy", nullable=True)
        ],
        "bins": _bound(asked, "bins", _MOST_BINS),
        "limit": _bound(asked, "row_limit", _MOST_ROWS),
    }
    if found["start"] >= found["end"]:
        raise zod.custom("fromTimestamp must be before toTimestamp", _PATH)
    return found


def _each(
    asked: dict[str, Any], part: str, *, nullable: bool = False
) -> list[tuple[dict[str, Any], zod.Path]]:
    sent = asked.get(part, [])
    path = (*_PATH, part)
    listed = [] if sent is None and nullable else zod.array(sent, path)
    return [(zod.record(one, (*path, place)), (*path, place)) for place, one in enumerate(listed)]


def _member(one: dict[str, Any], name: str, path: zod.Path) -> str:
    return zod.text(zod.member(one, name), (*path, name))


def _option(one: dict[str, Any], name: str, options: tuple[str, ...], path: zod.Path) -> str:
    return zod.one_of(zod.member(one, name), options, (*path, name))


def _granularity(sent: Any) -> str | None:
    path = (*_PATH, "timeDimension")
    if sent is None:
        return None
    return _option(zod.record(sent, path), "granularity", GRANULARITIES, path)


def _bound(asked: dict[str, Any], name: str, largest: int) -> int | None:
    path = (*_PATH, "config")
    config = zod.record(asked["config"], path) if "config" in asked else {}
    if name not in config:
        return None
    return zod.whole(config[name], (*path, name), smallest=1, largest=largest)


def _check_cardinality(sent: dict[str, Any], view: View) -> None:
    """Many groups need a limit and an order, and have no place in a time series."""
    known = view.dimensions
    many = ", ".join(name for name in sent["dimensions"] if name in known and known[name].many)
    if not many:
        return
    named = f"High cardinality dimension(s) '{many}'"
    if sent["granularity"] is not None:
        raise InvalidRequestError(
            f"{named} cannot be used with timeDimension. Time series queries with high cardinality"
            " dimensions produce unbounded result sets."
        )
    falling = [field for field, way in sent["order"] if way == "desc"]
    if sent["limit"] is None or not falling:
        raise InvalidRequestError(
            f"{named} require both 'config.row_limit' and 'orderBy' with direction 'desc' on a"
            " measure field."
        )
    ends = tuple(f"_{measure}" for measure, _ in sent["metrics"])
    if wrong := [field for field in falling if not f"_{field}".endswith(ends)]:
        raise InvalidRequestError(
            f"{named} require 'orderBy' with direction 'desc' on a measure field."
            f" '{', '.join(wrong)}' {'is' if len(wrong) == 1 else 'are'} not a measure in this"
            " query."
        )


def _check_names(sent: dict[str, Any], view: View) -> None:
    for name in sent["dimensions"]:
        if name not in view.dimensions:
            raise _invalid("dimension", name, view.dimensions)
    for name, aggregation in sent["metrics"]:
        if name not in view.measures:
            raise _invalid("metric", name, view.measures)
        measure = view.measures[name]
        if aggregation not in allowed(measure):
            raise InvalidRequestError(
                f'Aggregation "{aggregation}" is not valid for measure "{name}" (type:'
                f" {measure.type}). Valid aggregations: {', '.join(allowed(measure))}"
            )


def _invalid(what: str, name: str, known: Mapping[str, object]) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid {what} {name}. Must be one of {','.join(known)}")


def _check_order(sent: dict[str, Any], metrics: Mapping[str, tuple[str, str]]) -> None:
    known = {*sent["dimensions"], *([KEY] if sent["granularity"] else [])}
    known |= {key for key, (_, how) in metrics.items() if how != "histogram"}
    for field, _ in sent["order"]:
        if field not in known:
            raise InvalidRequestError(
                f"Invalid orderBy field: {field}. Must be one of the dimension or metric fields."
            )


def _renamed(one: dict[str, Any], view: View) -> dict[str, Any]:
    """As Langfuse has it, an unknown name that ends in `Name` means `name`."""
    column = one["column"]
    if view.columns.types(column) or not column.endswith("Name"):
        return one
    return {**one, "column": "name"}
