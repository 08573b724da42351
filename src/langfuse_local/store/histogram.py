"""The SQL aggregate `histogram(value, bins)`, with bins of unequal width like ClickHouse's.

The bins follow the data as it comes (Ben-Haim and Tom-Tov, "A Streaming Parallel Decision Tree
Algorithm"): each value is a point of weight 1, and while there are too many points the two nearest
neighbours become one.
"""

from __future__ import annotations

import heapq
import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from .numbers import plain

__all__ = ["Histogram"]

# Points whose text differs in the last digit alone are one.
_NEAR: Final = 10 * sys.float_info.epsilon


@dataclass(slots=True)
class _Point:
    mean: float
    weight: float
    alive: bool = True

    def absorb(self, other: _Point) -> None:
        weight = self.weight + other.weight
        self.mean += other.weight * (other.mean - self.mean) / weight
        self.weight = weight
        other.alive = False


class Histogram:
    """Bins as JSON, `[[lower, upper, height], ...]`; `[]` without values, NULL without rows."""

    def __init__(self) -> None:
        self._points: list[_Point] = []
        self._lower = self._upper = 0.0
        self._bins = 1

    def step(self, value: float | None, bins: int, /) -> None:
        """Take one row's value; NULL does not count."""
        if value is None:
            return
        self._bins = bins
        self._lower = min(self._lower, value) if self._points else value
        self._upper = max(self._upper, value) if self._points else value
        self._points.append(_Point(value, 1))
        if len(self._points) >= 2 * bins:
            self._points = _fused(self._points, bins)

    def finalize(self) -> str:
        """The bins of the values taken."""
        points = _distinct(_fused(self._points, self._bins))
        borders = [
            self._lower,
            *((left.mean + right.mean) / 2 for left, right in pairwise(points)),
            self._upper,
        ]
        heights = [
            (_side(points, place, -1) + _side(points, place, 1)) / 2 for place in range(len(points))
        ]
        bins = zip(pairwise(borders), heights, strict=False)
        return json.dumps([[*map(plain, (*ends, height))] for ends, height in bins])


def _fused(points: list[_Point], most: int) -> list[_Point]:
    """The points in order, the nearest two made one until there are no more than `most`."""
    ordered = sorted(points, key=lambda point: point.mean)
    after = [*range(1, len(ordered)), -1]
    before = [*range(-1, len(ordered) - 1)]
    gaps = [
        (right.mean - left.mean, place) for place, (left, right) in enumerate(pairwise(ordered))
    ]
    heapq.heapify(gaps)
    left_over = len(ordered)
    while left_over > most and gaps:
        gap, left = heapq.heappop(gaps)
        right = after[left]
        # A side of this gap has moved since: there is a newer entry for the gap that is left.
        if not ordered[left].alive or right < 0 or ordered[right].mean - ordered[left].mean > gap:
            continue
        ordered[left].absorb(ordered[right])
        left_over -= 1
        after[left] = after[right]
        if after[left] >= 0:
            before[after[left]] = left
        for start in (left, before[left]):
            if start >= 0 and after[start] >= 0:
                heapq.heappush(gaps, (ordered[after[start]].mean - ordered[start].mean, start))
    return [point for point in ordered if point.alive]


def _distinct(points: list[_Point]) -> list[_Point]:
    kept = points[:1]
    for point in points[1:]:
        near = abs(_NEAR * (kept[-1].mean + point.mean))
        if kept[-1].mean + near >= point.mean:
            kept[-1].absorb(point)
        else:
            kept.append(point)
    return kept


def _side(points: list[_Point], place: int, way: int) -> float:
    """The height at one border: a quarter of the way to the neighbour's weight, if there is one."""
    weight = points[place].weight
    if not 0 <= place + way < len(points):
        return weight
    return (points[place + way].weight + 3 * weight) / 4
