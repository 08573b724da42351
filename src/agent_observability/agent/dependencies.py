"""What a node is given: who is asking, what it may use, and the runtime that hands them over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..models.base import ChatModel
from ..shop.conversations import Turn
from ..shop.handoffs import Handoff
from ..shop.orders import Order
from ..shop.policies import Policy
from .state import AgentState

__all__ = ["Dependencies", "Node", "Runtime", "Update"]

Update = dict[str, object]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Who is asking, as the application knows it, and what the nodes may use."""

    actor: str
    refund_limit_cents: int
    step_delay_seconds: float
    may_see: Callable[[str, str], bool]
    find_order: Callable[[str, str], Order | None]
    search_policies: Callable[[str, str], Sequence[Policy]]
    recall: Callable[[str, str], Sequence[Turn]]
    remember: Callable[[str, str, Turn], None]
    open_handoff: Callable[[str, str, str], Handoff]
    model: ChatModel


class Runtime(Protocol):
    """What a node needs of LangGraph's runtime."""

    @property
    def context(self) -> Dependencies:
        """What the turn may use."""
        ...


class Node(Protocol):
    """A step of the agent."""

    def __call__(self, state: AgentState, runtime: Runtime) -> Update:
        """Return the keys of the state that it changes."""
        ...
