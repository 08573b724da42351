"""Orders by owner."""

from dataclasses import dataclass

from .database import Database, query

__all__ = ["Order", "OrderBook"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its owner may see it.

    Attributes:
        expected_on: ISO 8601 date; of the delivery or the return once that has happened.
        reason: Why it is delayed, else empty.
        total_cents: What was paid, in hundredths of `currency`.
        last_seen: Where the carrier saw it last, else empty.
    """

    reference: str
    status: str
    region: str
    expected_on: str
    reason: str
    total_cents: int
    currency: str
    last_seen: str = ""


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The shop's orders. Every question names the owner, so no call can return another's."""

    database: Database

    def is_owned(self, owner: str, reference: str) -> bool:
        """Tell whether the reference is one of the owner's orders."""
        return self.find(owner, reference) is not None

    def find(self, owner: str, reference: str) -> Order | None:
        """Return the owner's order of that reference; without one, the owner's latest."""
        name = "find" if reference else "find_latest"
        with self.database.reading() as connection:
            row = connection.execute(
                query("orders", name), {"owner": owner, "reference": reference}
            ).fetchone()
        return Order(*row) if row else None
