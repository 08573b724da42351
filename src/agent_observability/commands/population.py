"""A made-up population of customers and what they ask, the same for the same seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from ..shop.seed import Person, synthetic_people

__all__ = ["Conversation", "Scenario", "conversations", "customers_with_orders", "population"]

TIERS: Final = ("free", "team", "enterprise")
VERSIONS: Final = ("1.4.0", "1.5.0")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a customer asks in one conversation, and what befalls it.

    Attributes:
        queries: The turns.
        order_reference: What they name; empty for their latest order.
        failures: How many requests to the carrier fail in every turn.
        has_orders: Whether the customer has any order.
    """

    queries: Sequence[str]
    order_reference: str = ""
    failures: int = 0
    has_orders: bool = True


_WHERE: Final = "Where is my order?"
SCENARIOS: Final = (
    *[Scenario([_WHERE])] * 5,
    *[Scenario(["When will my parcel arrive?"])] * 4,
    *[Scenario([_WHERE, "Why is it taking so long?"])] * 3,
    Scenario([_WHERE, _WHERE]),
    Scenario(["Why is my order late?", _WHERE]),
    Scenario([_WHERE, "Why is it delayed?", "I want to speak to a human."]),
    Scenario(["I want a real person.", _WHERE]),
    Scenario(["I want a refund."]),
    Scenario(["Can I return it?", "So where is my money back?"]),
    Scenario([_WHERE], order_reference="ORDER-924"),
    Scenario([_WHERE, _WHERE], order_reference="order 311"),
    Scenario([_WHERE], failures=1),
    Scenario([_WHERE], failures=9),
    Scenario([_WHERE], has_orders=False),
    Scenario([_WHERE, _WHERE, _WHERE], has_orders=False),
    Scenario(["Do you sell gift cards?"]),
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One of the population, who is treated to one scenario."""

    person: Person
    tenant_tier: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a customer with one version of the agent."""

    id: str
    customer: Customer
    version: str


def population(count: int, random: Random) -> Sequence[Customer]:
    """Make up customers; from 25 on, every scenario has at least one."""
    scenarios = [SCENARIOS[n % len(SCENARIOS)] for n in range(count)]
    random.shuffle(scenarios)
    return [
        Customer(person, random.choices(TIERS, weights=(6, 3, 1))[0], scenario)
        for person, scenario in zip(synthetic_people(count, random), scenarios, strict=True)
    ]


def customers_with_orders(customers: Sequence[Customer]) -> Sequence[Person]:
    """Return those whom the shop has orders of."""
    return [each.person for each in customers if each.scenario.has_orders]


def conversations(customers: Sequence[Customer], random: Random) -> Iterator[Conversation]:
    """Give each customer one or two conversations, each with either version."""
    for customer in customers:
        for _ in range(random.choice((1, 1, 2))):
            yield Conversation(
                f"conv_{random.getrandbits(84):021x}", customer, random.choice(VERSIONS)
            )
