"""The histogram is ClickHouse's: bins that follow the data, whatever their number."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from langfuse_local.store.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.mark.parametrize(
    ("values", "bins", "expected"),
    [
        # The example in ClickHouse's documentation of `histogram`.
        (
            range(1, 21),
            5,
            [
                [1, 4.5, 4],
                [4.5, 8.5, 4],
                [8.5, 12.75, 4.125],
                [12.75, 17, 4.625],
                [17, 20, 3.25],
            ],
        ),
        ([-2], 10, [[-2, -2, 1]]),
        ([5, 5, None, 5], 10, [[5, 5, 3]]),
        ([1, 2], 1, [[1, 2, 2]]),
        ([0, 10], 2, [[0, 5, 1], [5, 10, 1]]),
        ([None], 3, []),
        ([], 3, []),
    ],
)
def test_draws(values: Iterable[float | None], bins: int, expected: list[list[float]]) -> None:
    """Lower end, upper end and height of each bin; equal values are one point."""
    assert _histogram(values, bins) == expected


def test_keeps_the_weight_of_all_values() -> None:
    """No more bins than asked for, end to end from the smallest to the largest value."""
    values = [(number * 7919) % 1009 for number in range(5000)]
    bins = _histogram(values, 20)
    assert len(bins) == 20
    assert (bins[0][0], bins[-1][1]) == (min(values), max(values))
    assert all(one[1] == other[0] for one, other in itertools.pairwise(bins))
    assert sum(height for _, _, height in bins) == pytest.approx(5000, rel=0.1)


def _histogram(values: Iterable[float | None], bins: int) -> list[list[float]]:
    histogram = Histogram()
    for value in values:
        histogram.step(value, bins)
    found: list[list[float]] = json.loads(histogram.finalize())
    return found
