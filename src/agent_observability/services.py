"""The services behind the agent, opened once for a process, and what one turn gets of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from .carrier import Carrier, SimulatedCarrier
from .config import Settings, load_settings
from .database import Database
from .handoffs import Handoffs
from .lookup import OrderLookup
from .memory import Memory
from .model import ChatModel, open_model
from .nodes import Dependencies
from .orders import OrderBook
from .policies import PolicyIndex
from .shop import open_shop

__all__ = ["CONVERSATIONS", "SHOP", "Services", "build_services", "open_services"]

CONVERSATIONS = "conversations.db"
"""Memory and handoffs: what must not be lost."""
SHOP = "shop.db"
"""Orders, customers and policies: made again when missing."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a turn may use, whoever asks.

    Attributes:
        carrier: Makes the carrier of one turn.
        carrier_deadline_seconds: How long one request to it may take.
        refund_limit_cents: A refund above it is decided by a person.
    """

    orders: OrderBook
    policies: PolicyIndex
    memory: Memory
    handoffs: Handoffs
    model: ChatModel
    carrier: Callable[[], Carrier]
    carrier_deadline_seconds: float
    refund_limit_cents: int

    def for_turn(self, actor: str) -> Dependencies:
        """Return what the nodes of one turn of this actor may use."""
        lookup = OrderLookup(self.orders, self.carrier(), self.carrier_deadline_seconds)
        return Dependencies(
            actor=actor,
            refund_limit_cents=self.refund_limit_cents,
            may_see=self.orders.is_owned,
            find_order=lookup.find,
            search_policies=self.policies.search,
            recall=self.memory.recall,
            remember=self.memory.remember,
            open_handoff=self.handoffs.open,
            model=self.model,
        )


def build_services(settings: Settings, shop: Database, conversations: Database) -> Services:
    """Put the services together over two open databases."""
    return Services(
        orders=OrderBook(shop),
        policies=PolicyIndex(shop),
        memory=Memory(conversations),
        handoffs=Handoffs(conversations),
        model=open_model(settings),
        carrier=partial(
            SimulatedCarrier,
            failures=settings.carrier_failures,
            delay_seconds=settings.carrier_delay_seconds,
        ),
        carrier_deadline_seconds=settings.carrier_deadline_seconds,
        refund_limit_cents=settings.refund_limit * 100,
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
    conversations.create("create_conversations")
    return build_services(settings, shop, conversations)
