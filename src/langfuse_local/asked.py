"""What a request to `/api/public/v2/observations` asks for, read from its parameters."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langfuse_local.answers import InvalidDataError, InvalidRequestError
from langfuse_local.conditions import Position, blob_is, root_is, since, text_in, until
from langfuse_local.moments import exact_iso, from_iso
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

    @classmethod
    def of(cls, parameters: QueryParams) -> Asked:
        """Read the parameters; unknown ones are ignored.

        Raises InvalidDataError or InvalidRequestError.
        """
        return cls(
            tuple(_conditions(parameters)),
            _limit(parameters.get("limit")),
            _position(parameters.get("cursor")),
            _groups(parameters.get("fields")),
        )


def cursor_after(last: Stored) -> str:
    """The opaque text that asks for the rows after this one."""
    content = {
        "lastStartTimeTo": exact_iso(last.observation.start_time // 1000),
        "lastTraceId": last.observation.trace_id,
        "lastId": last.observation.id,
    }
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    for parameter, column in _TEXTS.items():
        if values := [value for value in parameters.getlist(parameter) if value]:
            yield text_in(column, values)
    for parameter, column in _IDS.items():
        if value := parameters.get(parameter):
            yield blob_is(column, value)
    if root := parameters.get("isRootObservation"):
        yield root_is(root=_boolean("isRootObservation", root))
    if start := parameters.get("fromStartTime"):
        yield since(_moment("fromStartTime", start))
    if end := parameters.get("toStartTime"):
        yield until(_moment("toStartTime", end))


def _limit(text: str | None) -> int:
    if not text:
        return _DEFAULT_LIMIT
    if not text.isascii() or not text.isdecimal():
        raise InvalidDataError(
            expected="number",
            code="invalid_type",
            received="NaN",
            path=["limit"],
            message="Invalid input: expected number, received NaN",
        )
    if int(text) > _MAX_LIMIT:
        raise InvalidDataError(
            origin="number",
            code="too_big",
            maximum=_MAX_LIMIT,
            inclusive=True,
            path=["limit"],
            message=f"Too big: expected number to be <={_MAX_LIMIT}",
        )
    return int(text)


def _position(cursor: str | None) -> Position | None:
    if not cursor:
        return None
    try:
        content = json.loads(base64.b64decode(cursor))
        trace_id, span_id = content["lastTraceId"], content["lastId"]
        bytes.fromhex(trace_id + span_id)
        return Position(from_iso(content["lastStartTimeTo"]), trace_id, span_id)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequestError("Invalid cursor format") from error


def _groups(fields: str | None) -> frozenset[str]:
    known = {field.strip() for field in (fields or "").split(",")} & set(GROUPS)
    return frozenset(known) or DEFAULT_GROUPS


def _boolean(parameter: str, text: str) -> bool:
    if text in {"true", "false"}:
        return text == "true"
    raise InvalidDataError(
        code="invalid_value",
        values=["true", "false"],
        path=[parameter],
        message='Invalid option: expected one of "true"|"false"',
    )


def _moment(parameter: str, text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise InvalidDataError(
            origin="string",
            code="invalid_format",
            format="datetime",
            path=[parameter],
            message="Invalid ISO datetime",
        ) from error
