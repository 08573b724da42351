"""What a request to `/api/public/v3/scores` asks for, read from its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from langfuse_local.api import zod
from langfuse_local.api.parameters import cursor, limit_of, opened
from langfuse_local.api.score_form import KINDS
from langfuse_local.api.scores import GROUPS
from langfuse_local.responses import InvalidRequestError
from langfuse_local.store.conditions import Condition
from langfuse_local.store.numbers import number_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from starlette.datastructures import QueryParams

__all__ = ["AskedScores", "cursor_after"]

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
class AskedScores:
    """One page of scores: which, how many, and with which fields."""

    conditions: tuple[Condition, ...]
    limit: int
    groups: frozenset[str]

    @classmethod
    def of(cls, parameters: QueryParams) -> AskedScores:
        """Read the parameters; raises InvalidDataError or InvalidRequestError."""
        fields = {field.strip() for field in parameters.get("fields", "").split(",")}
        return cls(
            tuple(_conditions(parameters)),
            limit_of(parameters.get("limit"), default=_DEFAULT_LIMIT, largest=_MAX_LIMIT),
            frozenset(fields & set(GROUPS)),
        )


def cursor_after(last: sqlite3.Row) -> str:
    """The opaque text that asks for the scores after this one."""
    return cursor({"lastTimestamp": last["timestamp"], "lastId": last["id"]})


def _conditions(parameters: QueryParams) -> Iterator[Condition]:
    yield from _subject(parameters)
    for parameter, column in _TEXTS.items():
        if listed := parameters.get(parameter):
            values = tuple(listed.split(","))
            yield Condition(f"{column} IN ({', '.join('?' * len(values))})", values)
    if kind := parameters.get("dataType"):
        yield Condition("data_type = ?", (zod.one_of(kind, KINDS, ("dataType",)),))
    if source := parameters.get("source"):
        yield Condition("source = ?", (zod.one_of(source, _SOURCES, ("source",)),))
    if (value := parameters.get("value")) is not None:
        yield _value(value)
    yield from _bounds(parameters)
    if text := parameters.get("cursor"):
        yield _after(text)


def _bounds(parameters: QueryParams) -> Iterator[Condition]:
    for parameter, comparison in (("valueMin", ">="), ("valueMax", "<=")):
        if bound := parameters.get(parameter):
            yield Condition(f"number {comparison} ?", (_number(bound, parameter),))
    for parameter, comparison in (("fromTimestamp", ">="), ("toTimestamp", "<")):
        if moment := parameters.get(parameter):
            yield Condition(f"timestamp {comparison} ?", (zod.moment(moment, (parameter,)),))


def _subject(parameters: QueryParams) -> Iterator[Condition]:
    given = [name for name in _SUBJECTS if parameters.get(name)]
    if len(given) > 1:
        raise InvalidRequestError(f"{', '.join(given)} are mutually exclusive: send one of them.")
    observation = parameters.get("observationId")
    if observation and given != ["traceId"]:
        raise InvalidRequestError("observationId requires traceId.")
    for name in given:
        yield Condition(f"{_SUBJECTS[name]} = ?", (parameters[name],))
    if observation:
        yield Condition("observation = ?", (observation,))


def _value(text: str) -> Condition:
    if text in {"true", "false"}:
        return Condition("data_type = 'BOOLEAN' AND number = ?", (text == "true",))
    return Condition("(text = ? OR number = number_of(?))", (text, text))


def _number(text: str, parameter: str) -> float:
    number = number_of(text)
    return zod.number(text if number is None else number, (parameter,))


def _after(text: str) -> Condition:
    content = opened(text)
    moment, score_id = content.get("lastTimestamp"), content.get("lastId")
    if not isinstance(moment, int) or not isinstance(score_id, str) or abs(moment) >= 2**63:
        raise InvalidRequestError("Invalid cursor format")
    return Condition("(timestamp, id) < (?, ?)", (moment, score_id))
