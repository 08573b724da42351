"""What goes into a turn, what comes out, and what its nodes share in between."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from ..shop.conversations import Turn
from ..shop.orders import Order
from ..shop.policies import Policy

__all__ = ["AgentInput", "AgentOutput", "AgentState", "Intent", "Outcome"]

Intent = Literal["status", "delay", "refund", "human", "other"]
"""What a question is about."""

Outcome = Literal["answered", "denied", "not_found", "escalated", "unavailable"]
"""What a turn comes to.

`denied`: the order is not among the actor's. `not_found`: the actor has no order to show.
`escalated`: a person takes over. `unavailable`: the carrier or the model did not answer.
"""


class AgentInput(TypedDict):
    """What a turn starts from: business state, no identity and no telemetry."""

    query: str
    conversation_id: str
    order_reference: str
    region: str


class AgentOutput(TypedDict):
    """What a turn comes to, and the text for the customer."""

    outcome: Outcome
    answer: str


class AgentState(AgentInput, AgentOutput):
    """What the nodes share while the turn runs."""

    intent: Intent
    earlier: Sequence[Turn]
    order: Order | None
    policies: Sequence[Policy]
