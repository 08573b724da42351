"""How the steps of a turn are wired and hardened, and `run_agent()`.

The steps are in `nodes.py`; `run_agent()` wraps them, and what they use, in spans.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, RetryPolicy

from .carrier import CarrierUnavailableError
from .inputs import checked_actor, checked_input
from .instrumentation import agent_run, record_result, traced_dependencies, traced_nodes
from .model import ModelBusyError, ModelUnavailableError
from .nodes import NODES, Dependencies, Node, give_up
from .services import Services, open_services
from .state import AgentInput, AgentOutput, AgentState

__all__ = ["DEMO_ACTOR", "AgentInput", "AgentOutput", "arun_agent", "build_graph", "run_agent"]

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
    asked, options = _prepared(state, actor, services)
    with agent_run(asked["query"]) as span:
        result = cast("AgentOutput", _graph().invoke(asked, **options))
        record_result(span, **result)
        return result


async def arun_agent(
    state: AgentInput, *, actor: str = DEMO_ACTOR, services: Services | None = None
) -> AgentOutput:
    """Run one turn without blocking the event loop; otherwise as `run_agent()`."""
    asked, options = _prepared(state, actor, services)
    with agent_run(asked["query"]) as span:
        result = cast("AgentOutput", await _graph().ainvoke(asked, **options))
        record_result(span, **result)
        return result


def _prepared(
    state: AgentInput, actor: str, services: Services | None
) -> tuple[AgentInput, dict[str, Any]]:
    asked = checked_input(state)
    used = (services or open_services()).for_turn(checked_actor(actor))
    config = {"recursion_limit": RECURSION_LIMIT}
    return asked, {"config": config, "context": traced_dependencies(used)}


@cache
def _graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    return build_graph(traced_nodes(NODES))


def _after_authorize(state: AgentState) -> str:
    return END if state.get("outcome") == "denied" else "classify_question"


def _after_classify(state: AgentState) -> Sequence[str]:
    # Who wants a person need not wait for an answer that they did not ask for.
    wants_person = state["intent"] == "human"
    return ["decide_escalation"] if wants_person else ["lookup_order", "retrieve_policy"]


def _give_up(_state: AgentState, error: NodeError) -> Command[str]:
    if not isinstance(error.error, CarrierUnavailableError | ModelUnavailableError):
        raise error.error
    return Command(update=give_up(), goto="decide_escalation")
