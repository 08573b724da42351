"""The parameters of `/api/public/v3/scores`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ..responses import InvalidRequestError
from ..store.conditions import Condition
from ..store.numbers import number_of
from .parameters import decode_cursor, encode_cursor, limit_of
from .score_validation import DATA_TYPES
from .scores import GROUPS
from .validation import moment, number, option

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from starlette.datastructures import QueryParams

__all__ = ["ScoreQuery", "cursor_after"]

_DEFAULT_LIMIT: Final = 50
_MAX_LIMIT: Final = 100
_SOURCES: Final = ("API", "EVAL", "ANNOTATION")
_SUBJECTS: Final = {"traceId": "trace", "sessionId": "session", "experimentId": "experiment"}
_TEXTS: Final = {
    "id": "id",
    "name": "name",
    "environment": "environment",
    "configId": "config",
    "queueId": "queue",
}


@dataclass(frozen=True, slots=True)
class ScoreQuery:
    """One page of scores: which, how many, and with which fields."""

    conditions: tuple[Condition, ...]
    limit: int
    groups: frozenset[str]

    @classmethod
    def parse(cls, parameters: QueryParams) -> Self:
        """Read the parameters; raises InvalidDataError or InvalidRequestError."""
        fields = {field.strip() for field in parameters.get("fields", "").split(",")}
        return cls(
            tuple(_conditions(parameters)),
            limit_of(parameters.get("limit"), default=_DEFAULT_LIMIT, largest=_MAX_LIMIT),
            frozenset(fields & set(GROUPS)),
        )


def cursor_after(last: sqlite3.Row) -> str:
    """Make the opaque text that asks for the scores after this one."""
    return encode_cursor({"lastTimestamp": last["timestamp"], "lastId": last["id"]})


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    yield from _subject(parameters)
    for parameter, column in _TEXTS.items():
        if listed := parameters.get(parameter):
            values = tuple(listed.split(","))
            yield Condition(f"{column} IN ({', '.join('?' * len(values))})", values)
    if data_type := parameters.get("dataType"):
        yield Condition("data_type = ?", (option(data_type, DATA_TYPES, "dataType"),))
    if source := parameters.get("source"):
        yield Condition("source = ?", (option(source, _SOURCES, "source"),))
    if (value := parameters.get("value")) is not None:
        yield _value(value)
    yield from _bounds(parameters)
    if cursor := parameters.get("cursor"):
        yield _after(cursor)


def _bounds(parameters: QueryParams) -> Iterator[Condition]:
    for parameter, comparison in (("valueMin", ">="), ("valueMax", "<=")):
        if bound := parameters.get(parameter):
            yield Condition(f"number {comparison} ?", (_number(bound, parameter),))
    for parameter, comparison in (("fromTimestamp", ">="), ("toTimestamp", "<")):
        if bound := parameters.get(parameter):
            yield Condition(f"timestamp {comparison} ?", (moment(bound, parameter),))


def _subject(parameters: QueryParams) -> Iterator[Condition]:
    subjects = [name for name in _SUBJECTS if parameters.get(name)]
    if len(subjects) > 1:
        raise InvalidRequestError(f"{', '.join(subjects)} exclude one another.")
    observation = parameters.get("observationId")
    if observation and subjects != ["traceId"]:
        raise InvalidRequestError("observationId requires traceId.")
    for name in subjects:
        yield Condition(f"{_SUBJECTS[name]} = ?", (parameters[name],))
    if observation:
        yield Condition("observation = ?", (observation,))


def _value(text: str) -> Condition:
    if text in {"true", "false"}:
        return Condition("data_type = 'BOOLEAN' AND number = ?", (text == "true",))
    return Condition("(text = ? OR number = number_of(?))", (text, text))


def _number(text: str, parameter: str) -> float:
    value = number_of(text)
    return number(text if value is None else value, parameter)


def _after(cursor: str) -> Condition:
    position = decode_cursor(cursor)
    timestamp, score_id = position.get("lastTimestamp"), position.get("lastId")
    if not isinstance(timestamp, int) or not isinstance(score_id, str) or abs(timestamp) >= 2**63:
        raise InvalidRequestError("Invalid cursor format")
    return Condition("(timestamp, id) < (?, ?)", (timestamp, score_id))
