"""Sums over spans by what charts are drawn of, kept up to date as rows arrive, change and go.

They are written in the transaction of the rows, so they always agree with them, and reading them
takes as long at a million spans as at ten thousand. The methods of `Store` that read them:

    sums(dimension, *, since=None, until=None, per=None, value=None, environment=None) -> list[Sum]
        One Sum for each value of the dimension (see DIMENSIONS), the most expensive first; with
        `per`, one for each value and period ("hour" or "day", UTC), by time. `since` and `until`
        are microseconds since the epoch, the first within and the second beyond; they count whole
        hours. `value` asks for one value alone, such as one user's days.
    feedback(dimension, *, since=None, until=None) -> list[Feedback]
        Scores by the dimension's value of what they are about, the most negative first, of the
        newest 1,000 scores of the period.
    sessions(order="cost"), users(order=...), traces(order=...)
        Lists by a number of ORDERS, the largest first, beside the order of time that they have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["DIMENSIONS", "FACETS", "ORDERS", "Dimension", "Feedback", "Order", "Period", "Sum"]

Dimension = Literal["user", "version", "model", "tenant_tier", "region", "workflow"]
Period = Literal["hour", "day"]
Order = Literal["time", "turns", "observations", "errors", "tokens", "cost"]

DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "user",
    "version",
    "model",
    "tenant_tier",
    "region",
    "workflow",
)
FACETS: Final = ("tenant_tier", "region", "workflow", "outcome")
"""Keys of the metadata that rows can be summed up by."""
ORDERS: Final[tuple[Order, ...]] = ("time", "turns", "observations", "errors", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class Sum:
    """Sums over the spans of one value of a dimension, in one period if there are periods.

    Attributes:
        value: None for the spans that carry none: what nobody can be charged for.
        started: The period's start in microseconds since the epoch, 0 without periods.
        turns: Root spans.
        outcomes: Turns by the `outcome` in their metadata.
        cost: Known US dollars; None when none is known, which is not the same as $0.
        unknown_costs: Calls that used tokens at an unknown price.
    """

    value: str | None
    started: int
    turns: int
    observations: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    unknown_costs: int
    outcomes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Scores on traces and sessions of one value of a dimension: 0 is negative, the rest is not."""

    value: str | None
    positive: int
    negative: int
