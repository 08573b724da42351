"""The agent: the steps of a turn, how they are wired and hardened, and `run_agent()`.

Each step is a plain function of the state and of what it may use, and returns only what it
changes; none knows about telemetry. `run_agent()` wraps them, and what they use, in spans.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, RetryPolicy

from .agent.dependencies import Dependencies, Node, Runtime, Update
from .agent.intents import intent_of
from .agent.pace import paced_nodes
from .agent.prompts import HANDED_OVER, NO_ORDER, NOT_YOURS, UNAVAILABLE, answer_prompt
from .agent.services import Services, open_services
from .agent.state import AgentInput, AgentOutput, AgentState
from .agent.validation import checked_actor, checked_input
from .instrumentation import agent_run, record_result, traced_dependencies, traced_nodes
from .models.base import ModelBusyError, ModelUnavailableError
from .shop.carrier import CarrierUnavailableError
from .shop.conversations import Turn, is_unanswered
from .shop.references import canonical_reference

__all__ = [
    "DEMO_ACTOR",
    "NODES",
    "AgentInput",
    "AgentOutput",
    "arun_agent",
    "build_graph",
    "run_agent",
]

DEMO_ACTOR: Final = "usr_pseudo_7f31c2"
RECURSION_LIMIT: Final = 25  # LangGraph's own is 10,007: a loop would run up a bill first.

# LangGraph's jitter adds up to a second to every wait, and its default retries any exception.
_RETRY: Final = RetryPolicy(
    initial_interval=0.05,
    backoff_factor=2,
    max_attempts=3,
    jitter=False,
    retry_on=(CarrierUnavailableError, ModelBusyError),
)
_HARDENED: Final = frozenset({"lookup_order", "compose_answer"})
_UNANSWERED_LIMIT: Final = 3


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


def build_graph(nodes: Mapping[str, Node] = NODES) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Wire the nodes; the order and the policy are fetched side by side."""
    builder = StateGraph(
        AgentState,
        context_schema=Dependencies,
        input_schema=AgentInput,
        output_schema=AgentOutput,
    )
    for name, node in nodes.items():
        hardened = name in _HARDENED
        builder.add_node(
            name,
            cast("Any", node),
            retry_policy=_RETRY if hardened else None,
            error_handler=cast("Any", _give_up) if hardened else None,
        )
    builder.add_edge(START, "authorize")
    builder.add_conditional_edges("authorize", _after_authorize, ["classify_question", END])
    builder.add_conditional_edges(
        "classify_question",
        _after_classify,
        ["lookup_order", "retrieve_policy", "decide_escalation"],
    )
    builder.add_edge(["lookup_order", "retrieve_policy"], "compose_answer")
    builder.add_edge("compose_answer", "decide_escalation")
    builder.add_edge("decide_escalation", "remember_turn")
    builder.add_edge("remember_turn", END)
    return builder.compile(name="order-status")


def run_agent(
    state: AgentInput, *, actor: str = DEMO_ACTOR, services: Services | None = None
) -> AgentOutput:
    """Run one turn.

    Args:
        state: The question, its conversation, the order it is about (empty for the latest) and
            the region.
        actor: Who is asking, as the application knows it; decides which orders may be seen.
        services: What the turn may use; by default what the settings describe.

    Returns:
        `outcome` (one of `state.Outcome`) and `answer`, the text for the customer.

    Raises:
        InvalidInputError: The state or the actor cannot be used; nothing ran.
        StorageError: A database cannot be used.
    """
    turn, options = _prepared(state, actor, services)
    with agent_run(turn["query"], options["context"].model.provider) as span:
        result = cast("AgentOutput", _graph().invoke(turn, **options))
        record_result(span, result)
        return result


async def arun_agent(
    state: AgentInput, *, actor: str = DEMO_ACTOR, services: Services | None = None
) -> AgentOutput:
    """Run one turn without blocking the event loop; otherwise as `run_agent()`."""
    turn, options = _prepared(state, actor, services)
    with agent_run(turn["query"], options["context"].model.provider) as span:
        result = cast("AgentOutput", await _graph().ainvoke(turn, **options))
        record_result(span, result)
        return result


def _prepared(
    state: AgentInput, actor: str, services: Services | None
) -> tuple[AgentInput, dict[str, Any]]:
    turn = checked_input(state)
    dependencies = (services or open_services()).for_turn(checked_actor(actor))
    config = {"recursion_limit": RECURSION_LIMIT}
    return turn, {"config": config, "context": traced_dependencies(dependencies)}


@cache
def _graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    return build_graph(traced_nodes(paced_nodes(NODES)))


def _after_authorize(state: AgentState) -> str:
    return END if state.get("outcome") == "denied" else "classify_question"


def _after_classify(state: AgentState) -> Sequence[str]:
    # Who wants a person need not wait for an answer that they did not ask for.
    wants_person = state["intent"] == "human"
    return ["decide_escalation"] if wants_person else ["lookup_order", "retrieve_policy"]


def _give_up(_state: AgentState, error: NodeError) -> Command[str]:
    if not isinstance(error.error, CarrierUnavailableError | ModelUnavailableError):
        raise error.error
    # Honest with the customer: a service stayed down after every attempt.
    update = {"outcome": "unavailable", "answer": UNAVAILABLE}
    return Command(update=update, goto="decide_escalation")
