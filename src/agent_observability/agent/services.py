"""The services behind the agent, opened once for a process, and what one turn gets of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from ..config import Settings, load_settings
from ..models.base import ChatModel
from ..models.factory import open_model
from ..shop.carrier import Carrier, SimulatedCarrier
from ..shop.conversations import Conversations
from ..shop.database import Database
from ..shop.handoffs import Handoffs
from ..shop.lookup import OrderLookup
from ..shop.orders import OrderBook
from ..shop.policies import PolicyIndex
from ..shop.seed import open_shop
from .dependencies import Dependencies

__all__ = ["CONVERSATIONS", "SHOP", "Services", "build_services", "open_services"]

CONVERSATIONS = "conversations.db"
"""Conversations and handoffs: what must not be lost."""
SHOP = "shop.db"
"""Orders, customers and policies: made again when missing."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a turn may use, whoever asks.

    Attributes:
        carrier: Makes the carrier of one turn.
        carrier_deadline_seconds: How long one request to it may take.
        refund_limit_cents: A refund above it is decided by a person.
        step_delay_seconds: How long each step takes before it does anything.
    """

    orders: OrderBook
    policies: PolicyIndex
    conversations: Conversations
    handoffs: Handoffs
    model: ChatModel
    carrier: Callable[[], Carrier]
    carrier_deadline_seconds: float
    refund_limit_cents: int
    step_delay_seconds: float

    def for_turn(self, actor: str) -> Dependencies:
        """Return what the nodes of one turn of this actor may use."""
        lookup = OrderLookup(self.orders, self.carrier(), self.carrier_deadline_seconds)
        return Dependencies(
            actor=actor,
            refund_limit_cents=self.refund_limit_cents,
            step_delay_seconds=self.step_delay_seconds,
            may_see=self.orders.is_owned,
            find_order=lookup.find,
            search_policies=self.policies.search,
            recall=self.conversations.recall,
            remember=self.conversations.remember,
            open_handoff=self.handoffs.open,
            model=self.model,
        )


def build_services(settings: Settings, shop: Database, conversations: Database) -> Services:
    """Put the services together over two open databases."""
    return Services(
        orders=OrderBook(shop),
        policies=PolicyIndex(shop),
        conversations=Conversations(conversations),
        handoffs=Handoffs(conversations),
        model=open_model(settings),
        carrier=partial(
            SimulatedCarrier,
            failures=settings.carrier_failures,
            delay_seconds=settings.carrier_delay_seconds,
        ),
        carrier_deadline_seconds=settings.carrier_deadline_seconds,
        refund_limit_cents=settings.refund_limit * 100,
        step_delay_seconds=settings.step_delay_seconds,
    )


def open_services() -> Services:
    """Open the services that the settings describe, once for each of them.

    Raises:
        SettingsError: A setting cannot be used.
        StorageError: A database cannot be used.
    """
    return _opened(load_settings())


@cache
def _opened(settings: Settings) -> Services:
    shop = open_shop(settings.agent_data_dir / SHOP)
    conversations = Database(settings.agent_data_dir / CONVERSATIONS)
    conversations.create("conversations", "handoffs")
    return build_services(settings, shop, conversations)
