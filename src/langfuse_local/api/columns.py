"""The columns by which observations can be filtered, as SQL over `spans AS s`."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ARRAYS",
    "FILTER_TYPES",
    "FLAGS",
    "IDS",
    "INTERNED",
    "METADATA",
    "NUMBERS",
    "TEXTS",
    "TIMES",
    "id_text",
]

INTERNED: Final = {
    "environment": "environment",
    "level": "level",
    "model": "model",
    "name": "name",
    "providedModelName": "model",
    "release": "release",
    "sessionId": "session",
    "statusMessage": "status_message",
    "traceEnvironment": "environment",
    "traceName": "trace_name",
    "type": "type",
    "userId": "user",
    "version": "version",
}
"""Columns that hold the id of a row of `strings`; what is absent is NULL."""
IDS: Final = {"id": "span", "parentObservationId": "parent", "traceId": "trace"}
_SENT: Final = (
    "s.sent, (SELECT value FROM strings WHERE id = s.resource),"
    " (SELECT value FROM strings WHERE id = s.scope)"
)
TEXTS: Final = {"input": f"input_of({_SENT})", "output": f"output_of({_SENT})"}
ARRAYS: Final = dict.fromkeys(
    ("tags", "traceTags"), "(SELECT value FROM strings WHERE id = s.tags)"
)
"""JSON arrays of texts."""
TIMES: Final = {"endTime": "s.start + s.duration", "startTime": "s.start"}
"""Microseconds since the epoch."""
# Latencies in seconds, from times in whole milliseconds; an unknown sum is NULL, as in Langfuse.
_LATENCY: Final = "((s.start + s.duration) / 1000 - s.start / 1000) / 1000.0"
NUMBERS: Final = {
    "inputTokens": "coalesce(s.input_tokens, 0)",
    "latency": _LATENCY,
    "outputTokens": "coalesce(s.output_tokens, 0)",
    "timeToFirstToken": "(s.first_token / 1000 - s.start / 1000) / 1000.0",
    "tokens": "s.total_tokens",
    "tokensPerSecond": f"coalesce(s.output_tokens, 0) / nullif({_LATENCY}, 0)",
    "totalCost": "s.cost",
    "totalTokens": "s.total_tokens",
}
FLAGS: Final = {"hasParentObservation": "(s.parent IS NOT NULL)", "isRootObservation": "s.root"}
METADATA: Final = f"metadata_of({_SENT}, ?)"
"""The text of one key of the metadata, NULL where there is no such key."""

_STRING: Final = ("string", "stringOptions")
FILTER_TYPES: Final = {
    **dict.fromkeys((*INTERNED, *IDS, *TEXTS), _STRING),
    **dict.fromkeys(ARRAYS, ("arrayOptions",)),
    **dict.fromkeys(TIMES, ("datetime",)),
    **dict.fromkeys(NUMBERS, ("number",)),
    **dict.fromkeys(FLAGS, ("boolean",)),
    "metadata": ("stringObject", "numberObject"),
}
"""The types of filters that a column takes."""


def id_text(column: str) -> str:
    """Return SQL for the id in a column as a reader sees it; empty when there is none."""
    written = f"lower(hex(coalesce(s.{column}, '')))"
    return f"CASE typeof(s.{column}) WHEN 'text' THEN s.{column} ELSE {written} END"
