"""The names by which a reader may filter and group observations, as SQL over `spans AS s`."""

from __future__ import annotations

from typing import Final

__all__ = ["FLAGS", "IDS", "METADATA", "NUMBERS", "TAGS", "TEXTS", "TIMES", "id_text"]

# Each is a row of `strings`; what is absent is NULL, and the empty text for a reader.
TEXTS: Final = {
    "environment": "environment",
    "level": "level",
    "model": "model",
    "name": "name",
    "providedModelName": "model",
    "release": "release",
    "sessionId": "session",
    "statusMessage": "status_message",
    "traceName": "trace_name",
    "type": "type",
    "userId": "user",
    "version": "version",
}
IDS: Final = {"id": "span", "parentObservationId": "parent", "traceId": "trace"}
# Latencies in seconds, from times in whole milliseconds.
NUMBERS: Final = {
    "inputTokens": "coalesce(s.input_tokens, 0)",
    "latency": "((s.start + s.duration) / 1000 - s.start / 1000) / 1000.0",
    "outputTokens": "coalesce(s.output_tokens, 0)",
    "timeToFirstToken": "(s.first_token / 1000 - s.start / 1000) / 1000.0",
    "totalCost": "coalesce(s.cost, 0)",
    "totalTokens": "coalesce(s.total_tokens, 0)",
}
TIMES: Final = {"endTime": "s.start + s.duration", "startTime": "s.start"}
FLAGS: Final = {"isRootObservation": "s.root"}
TAGS: Final = ("tags", "traceTags")
METADATA: Final = "metadata"


def id_text(column: str) -> str:
    """The id in a column as a reader sees it, see `ids`; empty when there is none."""
    written = f"lower(hex(coalesce(s.{column}, '')))"
    return f"CASE typeof(s.{column}) WHEN 'text' THEN s.{column} ELSE {written} END"
