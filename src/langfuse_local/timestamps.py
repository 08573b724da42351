"""Microseconds since the epoch, the store's unit of time, to and from ISO 8601 text."""

from datetime import UTC, datetime, timedelta

__all__ = ["exact_iso", "from_iso", "iso"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(moment: int) -> str:
    """Text with milliseconds, cut and not rounded, as JavaScript's `toISOString` writes it."""
    return _text(moment, "milliseconds")


def exact_iso(moment: int) -> str:
    """Text that `from_iso` turns back into the same moment, no longer than needed."""
    return _text(moment, "microseconds" if moment % 1000 else "milliseconds")


def from_iso(text: str) -> int:
    """Read a date and time, UTC unless it says otherwise.

    Raises ValueError, and OverflowError if it lies outside the years 1 to 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _text(moment: int, precision: str) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec=precision)[:-6] + "Z"
