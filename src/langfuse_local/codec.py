"""Observations to rows of `spans` and back.

A database must not outgrow the OTLP that filled it, so texts that come again and again are kept
apart for the store to intern, and what is left over is compressed.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langfuse_local.observation import Observation

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Packed", "Stored", "input_of", "metadata_of", "output_of", "pack", "unpack"]

_NANOS = 1000
_LARGEST = 2**63 - 1  # of an SQLite integer; a sender may claim any number of tokens.
_ORIGIN = ("resourceAttributes.", "scope.")  # One object per process and library, not per span.

# Raw deflate over small documents: a dictionary of the words they are made of halves them. Part of
# the file format: a changed word makes existing files unreadable, so raise the schema version.
_WORDS = b"".join(
    b'"attributes.%s":"' % word
    for word in (
        b"input.value",
        b"output.value",
        b"openinference.span.kind",
        b"langfuse.observation.metadata.langgraph_step",
        b"langfuse.observation.completion_start_time",
        b"langfuse.observation.type",
        b"langfuse.trace.metadata",
        b"langfuse.environment",
        b"langfuse.internal.is_app_root",
        b"gen_ai.agent.name",
        b"gen_ai.conversation.id",
        b"gen_ai.tool.name",
        b"gen_ai.tool.call.id",
        b"gen_ai.provider.name",
        b"gen_ai.response.model",
        b"gen_ai.request.model",
        b"gen_ai.usage.cost",
        b"gen_ai.usage.output_tokens",
        b"gen_ai.usage.input_tokens",
        b"gen_ai.operation.name",
        b"langfuse.session.id",
        b"langfuse.user.id",
        b"langfuse.trace.name",
        b"langfuse.version",
        b"langfuse.trace.tags",
    )
) + (
    b'"langgraph_node":"","langgraph_step":"1","environment":"development","region":"eu",'
    b'"workflow":"order-status"},"{}",{"input":,"output":,"total":},{},"",null,null,null]'
)


_SMALL, _SMALL_BITS, _SMALL_MEMORY = 2048, 12, 5

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Packed:
    """One row: the values of its own columns, then the texts of its interned columns.

    What its groups are found and ordered by is there once more, by name.
    """

    values: tuple[object, ...]
    texts: tuple[str | None, ...]
    trace: bytes
    session: str
    user: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An observation and when it was received, in microseconds since the epoch."""

    observation: Observation
    received: int


def pack(observation: Observation, received: int) -> Packed:
    """The row of an observation, in the column order of `queries/upsert_span.sql`."""
    own: dict[str, str] = {}
    origin: dict[str, str] = {}
    for key, value in observation.metadata.items():
        (origin if key.startswith(_ORIGIN) else own)[key] = value
    trace = bytes.fromhex(observation.trace_id)
    start, end = observation.start_time // _NANOS, observation.end_time // _NANOS
    return Packed(
        (
            trace,
            *_placed(observation, start, end, received),
            *_measured(observation),
            _details(observation, own),
        ),
        (*_texts(observation), _json(observation.tags), observation.model or None, _json(origin)),
        trace=trace,
        session=observation.session_id,
        user=observation.user_id,
        start=start,
        end=max(start, end),
    )


def unpack(row: sqlite3.Row) -> Stored:
    """The observation of a row that `queries/observations.sql` selected."""
    metadata, parameters, usage, cost, prompt, prompt_version, given, answer = _inflate(
        row["details"]
    )
    observation = Observation(
        id=row["span"].hex(),
        trace_id=row["trace"].hex(),
        parent_id=row["parent"].hex() if row["parent"] else None,
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
        tags=tuple(json.loads(row["tags"])),
        model=row["model"] or "",
        model_parameters=parameters,
        usage=usage,
        cost=cost,
        prompt_name=prompt,
        prompt_version=prompt_version,
        input=given,
        output=answer,
        metadata={**metadata, **json.loads(row["origin"])},
    )
    return Stored(observation, row["received"])


def input_of(details: bytes) -> str | None:
    """The input inside a `details` column."""
    text: str | None = _inflate(details)[-2]
    return text


def metadata_of(details: bytes, origin: str, key: str) -> str | None:
    """The stored text of a metadata key in the two columns that hold them, None if absent."""
    held = json.loads(origin) if key.startswith(_ORIGIN) else _inflate(details)[0]
    text: str | None = held.get(key)
    return text


def output_of(details: bytes) -> str | None:
    """The output inside a `details` column."""
    text: str | None = _inflate(details)[-1]
    return text


def _placed(observation: Observation, start: int, end: int, received: int) -> tuple[object, ...]:
    first_token = observation.completion_start_time
    return (
        bytes.fromhex(observation.id),
        bytes.fromhex(observation.parent_id) if observation.parent_id else None,
        start,
        end - start,
        None if first_token is None else first_token // _NANOS,
        received,
        observation.is_root,
        observation.is_app_root,
        observation.public,
    )


def _measured(observation: Observation) -> tuple[object, ...]:
    usage = observation.usage
    return (
        *(_storable(_sum(usage, word)) for word in ("input", "output")),
        _storable(usage.get("total")),
        observation.total_cost if observation.cost else None,
    )


def _sum(usage: dict[str, int], word: str) -> int | None:
    """Tokens of all kinds with this word in their name, as Langfuse adds them up."""
    counts = [count for kind, count in usage.items() if word in kind.lower()]
    return sum(counts) if counts else None


def _storable(count: int | None) -> int | None:
    return None if count is None else min(count, _LARGEST)


def _texts(observation: Observation) -> tuple[str | None, ...]:
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
    )


def _details(observation: Observation, metadata: dict[str, str]) -> bytes:
    content = (
        metadata,
        observation.model_parameters,
        observation.usage,
        observation.cost,
        observation.prompt_name,
        observation.prompt_version,
        observation.input,
        observation.output,
    )
    text = _json(content).encode()
    # A compressor with a window of 32 KiB takes longer to set up than most contents to compress.
    small = len(text) < _SMALL
    deflate = zlib.compressobj(
        wbits=-_SMALL_BITS if small else -zlib.MAX_WBITS,
        memLevel=_SMALL_MEMORY if small else zlib.DEF_MEM_LEVEL,
        zdict=_WORDS,
    )
    return deflate.compress(text) + deflate.flush()


def _inflate(details: bytes) -> list[Any]:
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_WORDS)
    content: list[Any] = json.loads(inflate.decompress(details))
    return content
