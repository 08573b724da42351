"""Sums over spans that charts are drawn of, kept up to date as rows arrive, change and go.

They are written in the transaction of the rows, so they always agree with them, and reading them
takes about as long at a million spans as at ten thousand. `Store.sums` reads them:

    store.sums.by("user", since=..., until=...)        the most expensive users of a period
    store.sums.by("version", per="day")                each version's days
    store.sums.by("user", value="ann", per="day")      one user's days
    store.sums.by("user", outcome="denied")            who was denied most often
    store.sums.feedback("tenant_tier")                 where negative feedback clusters

Lists of sessions, users and traces take an `order` of ORDERS: `store.sessions(order="turns")`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

from ..mapping.details import FACETS
from .sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Read = Callable[[str, dict[str, object]], list[sqlite3.Row]]

__all__ = [
    "DIMENSIONS",
    "HOUR",
    "ORDERS",
    "Dimension",
    "Feedback",
    "Order",
    "Period",
    "Sum",
    "Sums",
]

Dimension = Literal["user", "version", "model", "tenant_tier", "region", "workflow"]
Period = Literal["hour", "day"]
Order = Literal["time", "turns", "observations", "errors", "tokens", "cost"]

DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
HOUR: Final = 60 * 60 * 1_000_000
"""Microseconds."""

_HOURS: Final[dict[Period, int]] = {"hour": 1, "day": 24}
_ALWAYS: Final = 2**62
_END_OF_TIME: Final = 2**63 - 1
_IS: Final = {
    name: f"{name} = (SELECT id FROM strings WHERE value = :{name})"  # noqa: S608 - literals
    for name in ("value", "environment", "outcome")
}
_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Sum:
    """Sums over the spans of one value of a dimension, in one period if there are periods.

    Attributes:
        value: None for the spans that carry none: what nobody can be charged for.
        started: The period's start in microseconds since the epoch, 0 without periods.
        turns: Root spans.
        cost: Known US dollars; None when none is known, which is not the same as $0.
        unknown_costs: Calls that used tokens at an unknown price.
        outcomes: Turns by the `outcome` in their metadata, those that have one.
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
    """Scores of one value of a dimension: a value of 0 is negative, any other number is not."""

    value: str | None
    positive: int
    negative: int


class Sums:
    """Reads the sums of one store."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def by(
        self,
        dimension: Dimension,
        *,
        since: int = 0,
        until: int = _END_OF_TIME,
        per: Period | None = None,
        value: str | None = None,
        environment: str | None = None,
        outcome: str | None = None,
        limit: int = _LIMIT,
    ) -> list[Sum]:
        """The sums of each value, the most expensive first; of each period (UTC), if there are any.

        Args:
            dimension: One of DIMENSIONS.
            since: Microseconds since the epoch; the hour in which it lies counts whole.
            until: Likewise, and the hour that begins at it does not count.
            per: Makes a sum for each value and period.
            value: Asks for this value alone.
            environment: Counts the spans of this environment alone.
            outcome: Counts the turns with this outcome alone, the most first.
            limit: How many sums there are at most.
        """
        given = {"value": value, "environment": environment, "outcome": outcome}
        where = " AND ".join(_IS[name] for name, text in given.items() if text is not None)
        order = "turns DESC" if outcome else "cost DESC, turns DESC"
        rows = self._read(
            statement(
                "sums",
                where=where or "1",
                index=" " if value is None else "INDEXED BY sums_by_value",
                order=f"period, {order}" if per else order,
            ),
            {
                "dimension": DIMENSIONS.index(dimension),
                "since": since // HOUR,
                "until": -(-until // HOUR),
                "hours": _HOURS[per] if per else _ALWAYS,
                "limit": limit,
                **given,
            },
        )
        return [_sum(row) for row in rows]

    def feedback(
        self, dimension: Dimension, *, since: int = 0, until: int = _END_OF_TIME
    ) -> list[Feedback]:
        """Scores by the value of the newest span of their subject, the most negative first.

        The 1,000 newest scores of the period count, if they are numbers.
        """
        column = f"(SELECT value FROM strings WHERE id = spans.{dimension})"  # noqa: S608 - a literal
        if dimension in FACETS:
            facets = "(SELECT value FROM strings WHERE id = spans.facets)"
            column = f"json_extract({facets}, '$.{dimension}')"
        rows = self._read(statement("feedback", column=column), {"since": since, "until": until})
        return [Feedback(*row) for row in rows]


def _sum(row: sqlite3.Row) -> Sum:
    return Sum(
        value=row["name"],
        started=row["period"] * HOUR,
        turns=row["turns"],
        observations=row["observations"],
        errors=row["errors"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"] if row["priced"] else None,
        unknown_costs=row["unknown_costs"],
        outcomes=json.loads(row["outcomes"]),
    )
