"""Observations to rows of `spans` and back.

A database must not outgrow the OTLP that filled it, so texts that repeat are kept apart for the
store to intern, and the rest is compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from ..mapping.observation import Observation, Origin
from .details import compress, decompress
from .ids import key_of, text_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["Packed", "Stored", "input_of", "metadata_of", "output_of", "pack", "unpack"]

_NANOS = 1000
_LARGEST = 2**63 - 1  # of an SQLite integer
_ORIGIN = ("resourceAttributes.", "scope.")  # Spans of one process and library share them.


class Packed(NamedTuple):
    """One row: the values of its own columns, then the texts of its interned columns.

    The other fields are what its groups are found and ordered by.
    """

    values: tuple[object, ...]
    texts: tuple[str | None, ...]
    trace: bytes | str
    session: str
    user: str
    start: int
    end: int


class Stored(NamedTuple):
    """An observation and when it was received, in microseconds since the epoch."""

    observation: Observation
    received: int


def pack(observation: Observation, received: int) -> Packed:
    """The row of an observation, in the column order of the statement `upsert_span`."""
    trace = key_of(observation.trace_id)
    start, end = observation.start_time // _NANOS, observation.end_time // _NANOS
    return Packed(
        values=(
            trace,
            *_position_columns(observation, start, end, received),
            *_usage_columns(observation),
            _details(observation),
        ),
        texts=_interned_texts(observation),
        trace=trace,
        session=observation.session_id,
        user=observation.user_id,
        start=start,
        end=max(start, end),
    )


def unpack(row: sqlite3.Row, origin_of: Callable[[int], Origin]) -> Stored:
    """The observation of a row of the statement `observations`; `origin_of` reads its origin."""
    values, parameters, usage, cost, prompt, prompt_version, input_text, output_text = decompress(
        row["details"]
    )
    observation = Observation(
        id=text_of(row["span"]),
        trace_id=text_of(row["trace"]),
        parent_id=text_of(row["parent"]) if row["parent"] else None,
        start_time=row["start"] * _NANOS,
        end_time=(row["start"] + row["duration"]) * _NANOS,
        completion_start_time=row["first_token"] and row["first_token"] * _NANOS,
        type=row["type"],
        name=row["name"] or "",
        level=row["level"],
        status_message=row["status_message"] or "",
        version=row["version"] or "",
        release=row["release"] or "",
        environment=row["environment"],
        public=bool(row["public"]),
        is_app_root=bool(row["app_root"]),
        user_id=row["user"] or "",
        session_id=row["session"] or "",
        trace_name=row["trace_name"],
        tags=tuple(orjson.loads(row["tags"])),
        model=row["model"] or "",
        model_parameters=parameters,
        usage=usage,
        cost=cost,
        prompt_name=prompt,
        prompt_version=prompt_version,
        input=input_text,
        output=output_text,
        own_metadata=_metadata(values, row["keys"]),
        origin=origin_of(row["origin"]),
    )
    return Stored(observation, row["received"])


def input_of(details: bytes) -> str | None:
    """The input inside a `details` column."""
    text: str | None = decompress(details)[-2]
    return text


def metadata_of(details: bytes, keys: str, origin: str, key: str) -> str | None:
    """The stored text of a metadata key in the three columns that hold them, None if absent."""
    if key.startswith(_ORIGIN) and (text := orjson.loads(origin).get(key)) is not None:
        return str(text)
    return _metadata(decompress(details)[0], keys).get(key)


def output_of(details: bytes) -> str | None:
    """The output inside a `details` column."""
    text: str | None = decompress(details)[-1]
    return text


def _metadata(values: list[str], keys: str) -> dict[str, str]:
    return dict(zip(orjson.loads(keys), values, strict=True))


def _position_columns(
    observation: Observation, start: int, end: int, received: int
) -> tuple[object, ...]:
    first_token = observation.completion_start_time
    return (
        key_of(observation.id),
        key_of(observation.parent_id) if observation.parent_id else None,
        start,
        end - start,
        None if first_token is None else first_token // _NANOS,
        received,
        observation.is_root,
        observation.is_app_root,
        observation.public,
    )


def _usage_columns(observation: Observation) -> tuple[object, ...]:
    usage = observation.usage
    return (
        _token_sum(usage, "input"),
        _token_sum(usage, "output"),
        usage.get("total"),
        observation.total_cost if observation.cost else None,
    )


def _token_sum(usage: dict[str, int], word: str) -> int | None:
    """Tokens of all kinds with this word in their name, as Langfuse adds them up."""
    counts = [count for kind, count in usage.items() if word in kind.lower()]
    return min(sum(counts), _LARGEST) if counts else None


def _interned_texts(observation: Observation) -> tuple[str | None, ...]:
    return (
        observation.type,
        observation.name or None,
        observation.level,
        observation.status_message or None,
        observation.version or None,
        observation.release or None,
        observation.environment,
        observation.user_id or None,
        observation.session_id or None,
        observation.trace_name or None,
        orjson.dumps(observation.tags).decode(),
        observation.model or None,
        observation.origin.text,
        orjson.dumps([*observation.own_metadata]).decode(),
    )


def _details(observation: Observation) -> bytes:
    content = (
        [*observation.own_metadata.values()],
        observation.model_parameters,
        observation.usage,
        observation.cost,
        observation.prompt_name,
        observation.prompt_version,
        observation.input,
        observation.output,
    )
    return compress(content)
