"""One attempt to look an order up: the shop's record, and the carrier's word on what moves."""

from dataclasses import dataclass, replace

from .carrier import Carrier
from .orders import Order, OrderBook

__all__ = ["OrderLookup"]

_MOVING = frozenset({"in_transit", "delayed"})


@dataclass(frozen=True, slots=True)
class OrderLookup:
    """Asks the carrier within a deadline. Whoever calls it decides whether to try again."""

    book: OrderBook
    carrier: Carrier
    deadline_seconds: float

    def find(self, owner: str, reference: str) -> Order | None:
        """Return the owner's order, or None; without a reference, the owner's latest.

        Raises:
            CarrierUnavailableError: The order is on its way and the carrier gave no answer.
        """
        order = self.book.find(owner, reference)
        if order is None or order.status not in _MOVING:
            return order
        hub = self.carrier.last_seen(order.region, deadline_seconds=self.deadline_seconds)
        return replace(order, last_seen=hub)
