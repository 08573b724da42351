"""Formats values for a page: money, tokens, times, durations and recorded content."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..mapping.javascript import replace_surrogates

if TYPE_CHECKING:
    from ..store.summaries import Totals

__all__ = ["content", "cost", "duration", "moment", "money", "since", "tokens"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_UNITS = (
    ("d", 86_400 * _SECOND),
    ("h", 3_600 * _SECOND),
    ("min", 60 * _SECOND),
    ("s", _SECOND),
    ("ms", 1_000),
)
_MAX_TIME = 253_402_300_799_999_999  # the last microsecond of the year 9999


def money(dollars: float) -> str:
    """US dollars to six decimals, as many as a single call needs."""
    text = f"{dollars:,.6f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def cost(totals: Totals) -> str:
    """The known cost; that of a call without a known price is unknown, never $0."""
    unknown = f"{totals.unknown_costs} unknown" if totals.unknown_costs else ""
    if totals.cost is None:
        return unknown
    return f"{money(totals.cost)} + {unknown}" if unknown else money(totals.cost)


def tokens(totals: Totals) -> str:
    """Input and output tokens, empty when no model was called."""
    if not totals.input_tokens and not totals.output_tokens:
        return ""
    return f"{totals.input_tokens:,} → {totals.output_tokens:,}"


def duration(microseconds: float) -> str:
    """A length of time in the unit a reader would use."""
    for unit, size in _UNITS:
        if microseconds >= size:
            return f"{_three_digits(microseconds / size)} {unit}"
    return f"{microseconds:.0f} µs"


def moment(microseconds: int) -> str:
    """A time as ISO 8601 UTC with milliseconds."""
    when = _EPOCH + timedelta(microseconds=min(microseconds, _MAX_TIME))
    return when.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def since(microseconds: int, now: int) -> str:
    """How long ago a time was, in words; a time in the future, of a wrong clock, reads as now."""
    age = max(now - microseconds, 0)
    for unit, size in _UNITS[:-1]:
        if age >= size:
            return f"{age // size} {unit} ago"
    return "just now"


def content(text: str) -> str:
    """Recorded input or output for a reader: text as text, other JSON indented."""
    try:
        return str(replace_surrogates(_indented(json.loads(text))))
    except (ValueError, RecursionError):
        return text


def _indented(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"  # noqa: PLR2004 - three digits
