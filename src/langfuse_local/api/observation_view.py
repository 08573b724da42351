"""The metrics view `observations`: Langfuse's dimensions and measures that have a column here.

Costs and usage by type, prompts and tools lie in the compressed part of a row and are left out.
"""

from __future__ import annotations

import json
from typing import Final

from langfuse_local.api.views import Dimension, Measure, View, mistyped, unknown
from langfuse_local.store.columns import NUMBERS, TEXTS, Columns, id_text, metadata_text

__all__ = ["OBSERVATIONS"]

_START: Final = "s.start"
_MONTH: Final = "strftime('%Y-%m', s.start / 1000000, 'unixepoch')"
_TEXT: Final = "(SELECT value FROM strings WHERE id = s.{0})"
_TAGS: Final = _TEXT.format("tags")
_IDS: Final = {"id": "span", "parentObservationId": "parent", "traceId": "trace"}
_NAMES: Final = {
    **{
        name: TEXTS[name]
        for name in (
            "environment",
            "level",
            "model",
            "name",
            "providedModelName",
            "release",
            "sessionId",
            "traceName",
            "type",
            "userId",
            "version",
        )
    },
    "traceRelease": "release",
    "traceVersion": "version",
}


def _text(name: str, *, many: bool = False) -> Dimension:
    return Dimension(_TEXT.format(_NAMES[name]), f"s.{_NAMES[name]}", many=many)


def _never_null(name: str) -> Dimension:
    return Dimension(f"coalesce({_TEXT.format(_NAMES[name])}, '')", f"s.{_NAMES[name]}", empty="")


_DIMENSIONS: Final = {
    "id": Dimension(id_text("span"), "s.span", many=True),
    "traceId": Dimension(id_text("trace"), "s.trace", many=True),
    "environment": _text("environment"),
    "parentObservationId": Dimension(f"nullif({id_text('parent')}, '')", "s.parent", many=True),
    "isRootObservation": Dimension("s.root", empty=False, read=bool),
    "type": _never_null("type"),
    "name": _never_null("name"),
    "level": _never_null("level"),
    "version": _text("version"),
    "userId": _text("userId", many=True),
    "sessionId": _text("sessionId", many=True),
    "tags": Dimension(_TAGS, "s.tags", empty=[], read=json.loads),
    "release": _text("release"),
    "traceName": Dimension(
        "(SELECT value FROM strings WHERE id = coalesce(s.trace_name, iif(s.root, s.name, NULL)))",
        "coalesce(s.trace_name, iif(s.root, s.name, NULL))",
    ),
    "traceRelease": _text("traceRelease"),
    "traceVersion": _text("traceVersion"),
    "providedModelName": _text("providedModelName"),
    "model": _text("model"),
    "startTimeMonth": Dimension(_MONTH, empty=""),
}
# Filters take seconds, metrics answer milliseconds.
_END: Final = "(s.start + s.duration)"
_OUTPUT: Final = NUMBERS["outputTokens"]
_TOTAL: Final = "coalesce(s.total_tokens, 0)"


def _apart(later: str, earlier: str, unit: int = 1000) -> str:
    """How many borders of the unit, in microseconds, lie between two moments."""
    return f"({later} / {unit} - {earlier} / {unit})"


_SECOND: Final = 1_000_000
_MEASURES: Final = {
    "count": Measure("1"),
    "traceId": Measure("s.trace", "string"),
    "uniqueUserIds": Measure("s.user", "string", optional=True),
    "uniqueSessionIds": Measure("s.session", "string", optional=True),
    "latency": Measure(_apart(_END, _START), optional=True),
    "streamingLatency": Measure(_apart(_END, "s.first_token"), optional=True),
    "inputTokens": Measure(NUMBERS["inputTokens"]),
    "outputTokens": Measure(_OUTPUT),
    "totalTokens": Measure(_TOTAL),
    "outputTokensPerSecond": Measure(
        f"{_OUTPUT} * 1.0 / nullif({_apart(_END, 's.first_token', _SECOND)}, 0)",
        "decimal",
        optional=True,
    ),
    "tokensPerSecond": Measure(
        f"{_TOTAL} * 1.0 / nullif({_apart(_END, _START, _SECOND)}, 0)", "decimal", optional=True
    ),
    "totalCost": Measure("coalesce(s.cost, 0)", "decimal", optional=True),
    "timeToFirstToken": Measure(_apart("s.first_token", _START), optional=True),
    "countScores": Measure("c.number", join="scores"),
}
_SCORES: Final = (
    "JOIN (SELECT observation, count(*) AS number FROM scores"  # noqa: S608 - names from tables
    " WHERE observation IS NOT NULL AND timestamp >= ? AND timestamp <= ? GROUP BY observation)"
    f" AS c ON c.observation = {id_text('span')}"
)
OBSERVATIONS: Final = View(
    "spans AS s",
    _START,
    _DIMENSIONS,
    _MEASURES,
    Columns(
        unknown,
        mistyped,
        interned={name: column for name, column in _NAMES.items() if name != "traceName"},
        ids=_IDS,
        texts={"startTimeMonth": _MONTH, "traceName": _DIMENSIONS["traceName"].sql},
        arrays={"tags": _TAGS},
        times={"start_time": _START},
        flags={"isRootObservation": _DIMENSIONS["isRootObservation"].sql},
        metadata={"metadata": metadata_text()},
    ),
    joins={"scores": _SCORES},
)
