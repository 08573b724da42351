"""The SQL aggregate `quantile(value, level)`, which SQLite lacks."""

from __future__ import annotations

__all__ = ["Quantile"]


class Quantile:
    """A quantile, interpolated between its two neighbours; NULL without values."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._level = 0.0

    def step(self, value: float | None, level: float, /) -> None:
        """Take one row's value; NULL does not count."""
        self._level = level
        if value is not None:
            self._values.append(value)

    def finalize(self) -> float | None:
        """The quantile of the values taken."""
        if not self._values:
            return None
        values = sorted(self._values)
        place = self._level * (len(values) - 1)
        below = int(place)
        above = min(below + 1, len(values) - 1)
        return values[below] + (values[above] - values[below]) * (place - below)
