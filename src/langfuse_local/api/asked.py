"""What a request to `/api/public/v2/observations` asks for, read from its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langfuse_local.api import zod
from langfuse_local.api.filters import checked, conditions_of
from langfuse_local.api.parameters import cursor, limit_of, opened
from langfuse_local.api.rows import DEFAULT_GROUPS, GROUPS
from langfuse_local.responses import InvalidRequestError
from langfuse_local.store.columns import LISTED
from langfuse_local.store.conditions import (
    PARENTLESS,
    Position,
    id_is,
    root_is,
    since,
    text_in,
    until,
)
from langfuse_local.timestamps import exact_iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import QueryParams

    from langfuse_local.store.codec import Stored
    from langfuse_local.store.conditions import Condition

__all__ = ["Asked", "cursor_after"]

_DEFAULT_LIMIT = 50
_MAX_LIMIT = 1000
_TEXTS = {
    "sessionId": "session",
    "userId": "user",
    "type": "type",
    "name": "name",
    "level": "level",
    "version": "version",
}
_IDS = {"traceId": "trace", "parentObservationId": "parent"}
_OPTIONS = {
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
    "parseIoAsJson": ("true", "false"),
}
_MANY = "environment"
_CONTENT = ("input", "output")
_UNINDEXED = (
    "A filter on input or output needs another one on either of them whose operator is '='."
)
_RETIRED = (
    "parseIoAsJson=true is no longer supported on the v2 observations endpoint. Input/output fields"
    " are always returned as raw strings. Remove the parseIoAsJson parameter or set it to false."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One page of observations: which, how many, from where on, and with which fields."""

    conditions: tuple[Condition, ...]
    limit: int
    position: Position | None
    groups: frozenset[str]
    expanded: frozenset[str]

    @classmethod
    def of(cls, parameters: QueryParams) -> Asked:
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
    """The opaque text that asks for the rows after this one."""
    return cursor(
        {
            "lastStartTimeTo": exact_iso(last.observation.start_time // 1000),
            "lastTraceId": last.observation.trace_id,
            "lastId": last.observation.id,
        }
    )


def _check(parameters: QueryParams) -> None:
    for name in parameters:
        if name != _MANY and len(sent := parameters.getlist(name)) > 1:
            zod.text(sent, (name,))
    for name, options in _OPTIONS.items():
        if value := parameters.get(name):
            zod.one_of(value, options, (name,))
    if parameters.get("parseIoAsJson") == "true":
        raise zod.custom(_RETIRED, ("parseIoAsJson",))


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    """Simple parameters and the JSON filter; where both name a field, the filter alone counts."""
    filters = checked(zod.query_document(parameters.get("filter") or "[]", "filter"), ("filter",))
    _check_content(filters)
    yield from conditions_of(filters, LISTED)
    filtered = {one["column"] for one in filters}
    for field, condition in _simple(parameters):
        if field not in filtered:
            yield condition


def _check_content(filters: list[dict[str, Any]]) -> None:
    """Langfuse looks for a part of such a text only beside a filter that it has an index for."""
    operators = {one["operator"] for one in filters if one["column"] in _CONTENT}
    if operators and "=" not in operators:
        raise InvalidRequestError(_UNINDEXED)


def _simple(parameters: QueryParams) -> Iterator[tuple[str, Condition]]:
    for parameter, column in _TEXTS.items():
        if value := parameters.get(parameter):
            yield parameter, text_in(column, [value])
    if environments := [value for value in parameters.getlist(_MANY) if value]:
        listed = environments[0].split(",") if len(environments) == 1 else environments
        yield _MANY, text_in(_MANY, listed)
    for parameter, column in _IDS.items():
        if value := parameters.get(parameter):
            yield parameter, id_is(column, value)
    if parameters.get("parentObservationId") == "":
        yield "parentObservationId", PARENTLESS
    if root := parameters.get("isRootObservation"):
        yield "isRootObservation", root_is(root=root == "true")
    if start := parameters.get("fromStartTime"):
        yield "startTime", since(zod.moment(start, ("fromStartTime",)))
    if end := parameters.get("toStartTime"):
        yield "startTime", until(zod.moment(end, ("toStartTime",)))


def _position(text: str | None) -> Position | None:
    if not text:
        return None
    content = opened(text)
    start = zod.date(content.get("lastStartTimeTo"), ("cursor", "lastStartTimeTo"))
    trace_id, span_id = (
        zod.text(zod.member(content, name), ("cursor", name)) for name in ("lastTraceId", "lastId")
    )
    return Position(start, trace_id, span_id)


def _groups(fields: str | None) -> frozenset[str]:
    """The groups asked for; none at all, not the usual ones, if only unknown ones are."""
    return _names(fields) & set(GROUPS) if fields else DEFAULT_GROUPS


def _names(listed: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (listed or "").split(",") if name.strip())
