"""The columns that a filter may name, as SQL, and Langfuse's words for refusing others."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["LISTED", "NUMBERS", "TEXTS", "Columns", "id_text", "metadata_text"]

_KINDS: Final = {
    "interned": ("string", "stringOptions"),
    "ids": ("string", "stringOptions"),
    "texts": ("string", "stringOptions"),
    "arrays": ("arrayOptions",),
    "times": ("datetime",),
    "numbers": ("number",),
    "flags": ("boolean",),
    "metadata": ("stringObject", "numberObject"),
}


def metadata_text() -> str:
    """SQL for the text of one key of an observation's metadata, NULL if it has no such key."""
    return (
        "metadata_of(s.details, (SELECT value FROM strings WHERE id = s.keys),"
        " (SELECT value FROM strings WHERE id = s.origin), ?)"
    )


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one list, by the name that a filter gives them.

    Attributes:
        unknown: The refusal of a name that is not among them.
        mistyped: The refusal of a filter's type, given the type and the name.
        interned: Columns that hold a row of `strings`; what is absent is NULL.
        ids: Columns that hold an id.
        texts: SQL that gives a text.
        arrays: SQL that gives a JSON array of texts.
        times: SQL that gives microseconds since the epoch.
        metadata: SQL that gives the text of the key in its question mark.
    """

    unknown: Callable[[str, Columns], str]
    mistyped: Callable[[str, str, Columns], str]
    interned: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def types(self, column: str) -> tuple[str, ...]:
        """The types of filters that a column takes; empty for an unknown column."""
        for kind, types in _KINDS.items():
            if column in getattr(self, kind):
                return types
        return ()

    def names(self) -> list[str]:
        """Every name, in alphabetical order."""
        return sorted(ChainMap(*(getattr(self, kind) for kind in _KINDS)))


TEXTS: Final = {
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
# Latencies are in seconds, from times in whole milliseconds; unknown sums are NULL, as in Langfuse.
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
_OPTIONS: Final = {
    "environment",
    "level",
    "name",
    "providedModelName",
    "traceEnvironment",
    "traceName",
    "type",
}


def _unknown(column: str, columns: Columns) -> str:
    return (
        f"Column {column} does not match a UI / CH table mapping."
        f" The local backend knows {', '.join(columns.names())}."
    )


def _mistyped(kind: str, column: str, columns: Columns) -> str:
    expected = "stringOptions" if column in _OPTIONS else columns.types(column)[0]
    return f"Invalid filter type '{kind}' for column '{column}'. Expected filter type '{expected}'."


LISTED: Final = Columns(
    _unknown,
    _mistyped,
    interned=TEXTS,
    ids={"id": "span", "parentObservationId": "parent", "traceId": "trace"},
    texts={"input": "input_of(s.details)", "output": "output_of(s.details)"},
    arrays=dict.fromkeys(("tags", "traceTags"), "(SELECT value FROM strings WHERE id = s.tags)"),
    times={"endTime": "s.start + s.duration", "startTime": "s.start"},
    numbers=NUMBERS,
    flags={"hasParentObservation": "(s.parent IS NOT NULL)", "isRootObservation": "s.root"},
    metadata={"metadata": metadata_text()},
)


def id_text(column: str) -> str:
    """SQL for the text of the id in a column, see `ids`; empty when there is none."""
    hexadecimal = f"lower(hex(coalesce(s.{column}, '')))"
    return f"CASE typeof(s.{column}) WHEN 'text' THEN s.{column} ELSE {hexadecimal} END"
