"""What a request to `/api/public/v2/observations` asks for, read from its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langfuse_local import zod
from langfuse_local.answers import InvalidDataError, InvalidRequestError
from langfuse_local.conditions import Position, id_is, root_is, since, text_in, until
from langfuse_local.filters import conditions_of
from langfuse_local.moments import exact_iso, from_iso
from langfuse_local.parameters import cursor, limit_of, opened
from langfuse_local.rows import DEFAULT_GROUPS, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import QueryParams

    from langfuse_local.codec import Stored
    from langfuse_local.conditions import Condition

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
    "environment": "environment",
}
_IDS = {"traceId": "trace", "parentObservationId": "parent"}


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


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    """Simple parameters and the JSON filter; where both name a field, the filter alone counts."""
    filters = zod.document(parameters.get("filter") or "[]", ("filter",))
    yield from conditions_of(filters, ("filter",))
    filtered = {one["column"] for one in filters}
    for field, condition in _simple(parameters):
        if field not in filtered:
            yield condition


def _simple(parameters: QueryParams) -> Iterator[tuple[str, Condition]]:
    for parameter, column in _TEXTS.items():
        if values := [value for value in parameters.getlist(parameter) if value]:
            yield parameter, text_in(column, values)
    for parameter, column in _IDS.items():
        if value := parameters.get(parameter):
            yield parameter, id_is(column, value)
    if root := parameters.get("isRootObservation"):
        yield "isRootObservation", root_is(root=_boolean("isRootObservation", root))
    if start := parameters.get("fromStartTime"):
        yield "startTime", since(zod.moment(start, ("fromStartTime",)))
    if end := parameters.get("toStartTime"):
        yield "startTime", until(zod.moment(end, ("toStartTime",)))


def _position(text: str | None) -> Position | None:
    if not text:
        return None
    content = opened(text)
    try:
        trace_id, span_id = content["lastTraceId"], content["lastId"]
        (trace_id + span_id).encode()
        return Position(from_iso(content["lastStartTimeTo"]), trace_id, span_id)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequestError("Invalid cursor format") from error


def _groups(fields: str | None) -> frozenset[str]:
    return _names(fields) & set(GROUPS) or DEFAULT_GROUPS


def _names(listed: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (listed or "").split(",") if name.strip())


def _boolean(parameter: str, text: str) -> bool:
    if text in {"true", "false"}:
        return text == "true"
    raise InvalidDataError(
        code="invalid_value",
        values=["true", "false"],
        path=[parameter],
        message='Invalid option: expected one of "true"|"false"',
    )
