"""The `timeDimension` of a metrics query: moments in equal steps, and the gaps between rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["GRANULARITIES", "KEY", "Timeline"]

KEY: Final = "time_dimension"
GRANULARITIES: Final = ("auto", "minute", "hour", "day", "week", "month")
_HOUR: Final = 3_600_000_000  # microseconds
# The longest range in hours, exclusive, for which `auto` means this.
_AUTO: Final = ((2, "minute"), (72, "hour"), (1440, "day"), (8760, "week"))
_SQL: Final = {
    "minute": "strftime('%Y-%m-%dT%H:%M:00Z', {0})",
    "hour": "strftime('%Y-%m-%dT%H:00:00Z', {0})",
    "day": "strftime('%Y-%m-%d', {0})",
    "week": "strftime('%Y-%m-%d', {0}, '-6 days', 'weekday 1')",
    "month": "strftime('%Y-%m-01', {0})",
}
_WITH_TIME: Final = ("minute", "hour")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Steps through a range of microseconds since the epoch."""

    granularity: str
    start: int
    end: int

    @classmethod
    def of(cls, granularity: str, start: int, end: int) -> Self:
        """Choose what `auto` stands for by the length of the range."""
        if granularity == "auto":
            hours = (end - start) / _HOUR
            granularity = next((step for most, step in _AUTO if hours < most), "month")
        return cls(granularity, start, end)

    def sql(self, moment: str) -> str:
        """The step in which a moment lies, as text: with the time of day for minutes and hours."""
        return _SQL[self.granularity].format(f"{moment} / 1000000, 'unixepoch'")

    def filled(
        self, rows: Sequence[dict[str, Any]], empty: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """The rows, ordered by their step, with an empty one for each step that has none.

        The step in which the range ends has a row only if something happened in it.
        """
        waiting = list(reversed(rows))
        for step in self._steps():
            if not waiting or waiting[-1][KEY] != step:
                yield {**empty, KEY: step}
            while waiting and waiting[-1][KEY] == step:
                yield waiting.pop()
        yield from reversed(waiting)

    def _steps(self) -> Iterator[str]:
        moment, last = self._floor(self.start), self._floor(self.end)
        with_time = self.granularity in _WITH_TIME
        while moment < last:
            text = moment.isoformat()
            yield f"{text[:19]}Z" if with_time else text[:10]
            moment = _NEXT[self.granularity](moment)

    def _floor(self, microseconds: int) -> datetime:
        moment = _EPOCH + timedelta(microseconds=microseconds)
        return _FLOOR[self.granularity](moment)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _day(moment: datetime) -> datetime:
    return _hour(moment).replace(hour=0)


_FLOOR: Final[Mapping[str, Callable[[datetime], datetime]]] = {
    "minute": lambda moment: moment.replace(second=0, microsecond=0),
    "hour": _hour,
    "day": _day,
    "week": lambda moment: _day(moment) - timedelta(days=moment.weekday()),
    "month": lambda moment: _day(moment).replace(day=1),
}
_NEXT: Final[Mapping[str, Callable[[datetime], datetime]]] = {
    "minute": lambda moment: moment + timedelta(minutes=1),
    "hour": lambda moment: moment + timedelta(hours=1),
    "day": lambda moment: moment + timedelta(days=1),
    "week": lambda moment: moment + timedelta(weeks=1),
    "month": lambda moment: (moment + timedelta(days=31)).replace(day=1),
}
