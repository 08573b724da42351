"""Observations to rows of `spans` and back.

What was sent is kept, compressed: the span in the row, its resource and scope once for all rows.
The other columns are what rows are found, ordered and summed up by.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ..mapping.details import details_of
from ..mapping.origin import Origin, Resource, Scope
from ..mapping.spans import Place, observation
from .compression import compress, decompress
from .ids import key_of, text_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from ..mapping.details import Details
    from ..mapping.observation import Observation

__all__ = [
    "Amounts",
    "Packed",
    "Stored",
    "amounts",
    "input_of",
    "metadata_of",
    "origin",
    "output_of",
    "pack",
    "unpack",
]

_NANOS = 1000
_LARGEST = 2**63 - 1  # of an SQLite integer
_PICO = 1e12  # A cost has twelve places.
_NAMED = (8, 7, 4, 11, 6, 12, 2, 10)  # places of Packed.named in `_interned`
_MAX_FACET_LENGTH = 200

Amounts: TypeAlias = tuple[int, ...]


class Packed(NamedTuple):
    """One row: the values of its own columns, then those of its interned columns.

    The other fields are what the sums are made of: `named` are the session, the user, the version,
    the model, the environment, the facets, the level and the tags.
    """

    values: tuple[object, ...]
    interned: tuple[str | bytes | None, ...]
    trace: bytes | str
    named: tuple[str | None, ...]
    start: int
    end: int
    amounts: Amounts


class Stored(NamedTuple):
    """An observation and when it was received, in microseconds since the epoch."""

    observation: Observation
    received: int


def pack(observation: Observation, received: int) -> Packed:
    """The row of an observation, in the column order of the statement `upsert_span`."""
    trace = key_of(observation.trace_id)
    start, end = observation.start_time // _NANOS, observation.end_time // _NANOS
    usage = _usage_columns(observation)
    interned = _interned(observation)
    return Packed(
        values=(
            trace,
            *_place_columns(observation, start, end, received),
            *usage,
            compress(observation.sent),
        ),
        interned=interned,
        trace=trace,
        named=tuple(interned[place] for place in _NAMED),  # type: ignore[misc]  # no bytes
        start=start,
        end=max(start, end),
        amounts=amounts(observation.is_root, observation.level == "ERROR", usage[:3], usage[3]),
    )


def amounts(
    is_root: int, is_error: int, tokens: Sequence[int | None], cost: float | None
) -> Amounts:
    """What a row adds to sums, in the order of their columns from `turns` on.

    Whether it is a root and an error is 0 or 1; its tokens are those of input, output, and all.
    """
    input_tokens, output_tokens, total_tokens = tokens
    return (
        int(is_root),
        1,
        int(is_error),
        input_tokens or 0,
        output_tokens or 0,
        round((cost or 0) * _PICO),
        int(cost is not None),
        int(cost is None and (total_tokens or 0) > 0),
    )


def unpack(row: sqlite3.Row, origin_of: Callable[[int, int], Origin]) -> Stored:
    """The observation of a row of the statement `observations`; `origin_of` reads its origin."""
    place = Place(
        id=text_of(row["span"]),
        trace_id=text_of(row["trace"]),
        parent_id=text_of(row["parent"]) if row["parent"] else None,
        start_time=row["start"] * _NANOS,
        end_time=(row["start"] + row["duration"]) * _NANOS,
    )
    sent = decompress(row["sent"])
    return Stored(
        observation(sent, place, origin_of(row["resource"], row["scope"])), row["received"]
    )


@lru_cache(maxsize=16)  # Resources may be large.
def origin(resource: bytes, scope: bytes) -> Origin:
    """The origin whose parts were interned."""
    return Origin.of(Resource(decompress(resource)), Scope(decompress(scope)))


def input_of(sent: bytes, resource: bytes, scope: bytes) -> str | None:
    """The input inside a `sent` column."""
    return _details(sent, resource, scope).input


def output_of(sent: bytes, resource: bytes, scope: bytes) -> str | None:
    """The output inside a `sent` column."""
    return _details(sent, resource, scope).output


def metadata_of(sent: bytes, resource: bytes, scope: bytes, key: str) -> str | None:
    """The stored text of a metadata key, None if absent."""
    details = _details(sent, resource, scope)
    text = details.origin.metadata.get(key)
    return details.own_metadata.get(key) if text is None else text


def _details(sent: bytes, resource: bytes, scope: bytes) -> Details:
    return details_of(Span.FromString(decompress(sent)), origin(resource, scope))


def _place_columns(
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
    )


def _usage_columns(
    observation: Observation,
) -> tuple[int | None, int | None, int | None, float | None]:
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


def _interned(observation: Observation) -> tuple[str | bytes | None, ...]:
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
        orjson.dumps(_facets(observation)).decode(),
        _compressed(observation.origin.resource.sent),
        _compressed(observation.origin.scope.sent),
    )


def _facets(observation: Observation) -> dict[str, str]:
    """What rows are summed up by besides their own columns; a long text is no such value."""
    facets = observation.facets.items()
    return {name: text for name, text in facets if 0 < len(text) <= _MAX_FACET_LENGTH}


_compressed = lru_cache(maxsize=16)(compress)  # Rows share their resource and their scope.
