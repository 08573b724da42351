"""The parameters of `/api/public/v2/observations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from ..responses import InvalidRequestError
from ..store.conditions import (
    PARENTLESS,
    Position,
    id_is,
    root_is,
    since,
    text_in,
    until,
)
from ..timestamps import exact_iso
from .filters import conditions_of, parse_filters
from .parameters import decode_cursor, encode_cursor, limit_of
from .rows import DEFAULT_GROUPS, GROUPS
from .validation import date, moment, option, parse_json, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import QueryParams

    from ..store.codec import Stored
    from ..store.conditions import Condition

__all__ = ["ObservationQuery", "cursor_after"]

_DEFAULT_LIMIT: Final = 50
_MAX_LIMIT: Final = 1000
_TEXTS: Final = {
    "sessionId": "session",
    "userId": "user",
    "type": "type",
    "name": "name",
    "level": "level",
    "version": "version",
}
_IDS: Final = {"traceId": "trace", "parentObservationId": "parent"}
_OPTIONS: Final = {
    "type": (
        "GENERATION",
        "SPAN",
        "EVENT",
        "AGENT",
        "TOOL",
        "CHAIN",
        "RETRIEVER",
        "EVALUATOR",
        "EMBEDDING",
        "GUARDRAIL",
    ),
    "level": ("DEBUG", "DEFAULT", "WARNING", "ERROR"),
    "isRootObservation": ("true", "false"),
    "parseIoAsJson": ("false",),
}
_REPEATABLE: Final = "environment"
_CONTENT: Final = ("input", "output")
_UNINDEXED: Final = (
    "A filter on input or output needs another one on either of them whose operator is '='."
)


@dataclass(frozen=True, slots=True)
class ObservationQuery:
    """One page of observations: which, how many, from where on, and with which fields."""

    conditions: tuple[Condition, ...]
    limit: int
    position: Position | None
    groups: frozenset[str]
    expanded: frozenset[str]

    @classmethod
    def parse(cls, parameters: QueryParams) -> Self:
        """Read the parameters; unknown ones are ignored.

        Raises InvalidDataError or InvalidRequestError.
        """
        _check(parameters)
        return cls(
            tuple(_conditions(parameters)),
            limit_of(parameters.get("limit"), default=_DEFAULT_LIMIT, largest=_MAX_LIMIT),
            _position(parameters.get("cursor")),
            _groups(parameters.get("fields")),
            _names(parameters.get("expandMetadata")),
        )


def cursor_after(last: Stored) -> str:
    """Make the opaque text that asks for the rows after this one."""
    return encode_cursor(
        {
            "lastStartTimeTo": exact_iso(last.observation.start_time // 1000),
            "lastTraceId": last.observation.trace_id,
            "lastId": last.observation.id,
        }
    )


def _check(parameters: QueryParams) -> None:
    for name in parameters:
        if name != _REPEATABLE and len(parameters.getlist(name)) > 1:
            raise InvalidRequestError(f"{name} is given more than once.")
    for name, options in _OPTIONS.items():
        if value := parameters.get(name):
            option(value, options, name)


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    """Read simple parameters and the JSON filter, which counts alone for a field in both."""
    filters = parse_filters(
        parse_json(parameters.get("filter") or "[]", "filter parameter"), "filter"
    )
    _check_content(filters)
    yield from conditions_of(filters)
    filtered = {each["column"] for each in filters}
    for field, condition in _simple(parameters):
        if field not in filtered:
            yield condition


def _check_content(filters: list[dict[str, Any]]) -> None:
    """Refuse, as Langfuse does, to look for part of a text without an index to narrow it down."""
    operators = {each["operator"] for each in filters if each["column"] in _CONTENT}
    if operators and "=" not in operators:
        raise InvalidRequestError(_UNINDEXED)


def _simple(parameters: QueryParams) -> Iterator[tuple[str, Condition]]:
    for parameter, column in _TEXTS.items():
        if value := parameters.get(parameter):
            yield parameter, text_in(column, [value])
    if environments := [value for value in parameters.getlist(_REPEATABLE) if value]:
        listed = environments[0].split(",") if len(environments) == 1 else environments
        yield _REPEATABLE, text_in(_REPEATABLE, listed)
    for parameter, column in _IDS.items():
        if value := parameters.get(parameter):
            yield parameter, id_is(column, value)
    if parameters.get("parentObservationId") == "":
        yield "parentObservationId", PARENTLESS
    if root := parameters.get("isRootObservation"):
        yield "isRootObservation", root_is(root=root == "true")
    if start := parameters.get("fromStartTime"):
        yield "startTime", since(moment(start, "fromStartTime"))
    if end := parameters.get("toStartTime"):
        yield "startTime", until(moment(end, "toStartTime"))


def _position(cursor: str | None) -> Position | None:
    if not cursor:
        return None
    members = decode_cursor(cursor)
    start = date(members.get("lastStartTimeTo"), "cursor.lastStartTimeTo")
    trace_id, span_id = (
        text(members.get(name), f"cursor.{name}") for name in ("lastTraceId", "lastId")
    )
    return Position(start, trace_id, span_id)


def _groups(fields: str | None) -> frozenset[str]:
    """Return the requested groups; none at all, not the usual ones, if all are unknown."""
    return _names(fields) & set(GROUPS) if fields else DEFAULT_GROUPS


def _names(listed: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (listed or "").split(",") if name.strip())
