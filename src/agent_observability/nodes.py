"""The steps of a turn, each a plain function of the state and of what it may use.

None of them knows about telemetry or about LangGraph, and each returns only what it changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .handoffs import Handoff
from .intents import intent_of
from .memory import Turn, is_unanswered
from .model import ChatModel
from .orders import Order
from .policies import Policy
from .prompts import HANDED_OVER, NO_ORDER, NOT_YOURS, UNAVAILABLE, answer_prompt
from .references import canonical_reference
from .state import AgentState

__all__ = ["NODES", "Dependencies", "Node", "Update", "give_up"]

_UNANSWERED_LIMIT: Final = 3

Update = dict[str, object]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Who is asking, as the application knows it, and what the nodes may use."""

    actor: str
    refund_limit_cents: int
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


def authorize(state: AgentState, runtime: Runtime) -> Update:
    """Deny any reference that is not the actor's, with one text whether it exists or not."""
    if not state["order_reference"]:
        return {}
    reference = canonical_reference(state["order_reference"])
    if reference and runtime.context.may_see(runtime.context.actor, reference):
        return {"order_reference": reference}
    return {"outcome": "denied", "answer": NOT_YOURS}


def classify_question(state: AgentState, runtime: Runtime) -> Update:
    """Tell what the question is about, and recall what was said before it."""
    earlier = runtime.context.recall(runtime.context.actor, state["conversation_id"])
    return {"intent": intent_of(state["query"]), "earlier": earlier}


def lookup_order(state: AgentState, runtime: Runtime) -> Update:
    """Fetch the order, or the actor's latest when none is named."""
    return {"order": runtime.context.find_order(runtime.context.actor, state["order_reference"])}


def retrieve_policy(state: AgentState, runtime: Runtime) -> Update:
    """Fetch the policies that fit the question and hold in the customer's region."""
    words = f"{state['intent']} {state['query']}"
    return {"policies": runtime.context.search_policies(words, state["region"])}


def compose_answer(state: AgentState, runtime: Runtime) -> Update:
    """Have the model answer from the order, the policies and what was said before."""
    order = state["order"]
    if order is None:
        return {"outcome": "not_found", "answer": NO_ORDER}
    prompt = answer_prompt(
        state["query"], state["intent"], order, state["policies"], state["earlier"]
    )
    return {"outcome": "answered", "answer": runtime.context.model.invoke(prompt).text}


def decide_escalation(state: AgentState, runtime: Runtime) -> Update:
    """Hand the conversation to a person if the turn calls for one."""
    reason = _escalation_reason(state, runtime.context.refund_limit_cents)
    if reason is None:
        return {}
    handoff = runtime.context.open_handoff(runtime.context.actor, state["conversation_id"], reason)
    answer = f"{state.get('answer', '')} {HANDED_OVER.format(id=handoff.id)}"
    return {"outcome": "escalated", "answer": answer.strip()}


def remember_turn(state: AgentState, runtime: Runtime) -> Update:
    """Keep the turn for the next one, which may run in another process."""
    order = state.get("order")
    turn = Turn(
        question=state["query"],
        answer=state["answer"],
        intent=state["intent"],
        outcome=state["outcome"],
        order_reference=order.reference if order else state["order_reference"],
    )
    runtime.context.remember(runtime.context.actor, state["conversation_id"], turn)
    return {}


def give_up() -> Update:
    """Say honestly that a service stayed down after every attempt."""
    return {"outcome": "unavailable", "answer": UNAVAILABLE}


def _escalation_reason(state: AgentState, refund_limit_cents: int) -> str | None:
    order = state.get("order")
    if state["intent"] == "human":
        return "asked"
    if state["intent"] == "refund" and order and order.total_cents > refund_limit_cents:
        return "refund_limit"
    outcomes = [(each.intent, each.outcome) for each in state["earlier"]]
    *before, now = (
        is_unanswered(intent=intent, outcome=outcome)
        for intent, outcome in [*outcomes, (state["intent"], state["outcome"])]
    )
    return "unanswered" if now and sum(before) + 1 >= _UNANSWERED_LIMIT else None


NODES: Final[Mapping[str, Node]] = {
    "authorize": authorize,
    "classify_question": classify_question,
    "lookup_order": lookup_order,
    "retrieve_policy": retrieve_policy,
    "compose_answer": compose_answer,
    "decide_escalation": decide_escalation,
    "remember_turn": remember_turn,
}
