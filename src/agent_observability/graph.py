"""The agent: business nodes over typed state, how they are wired, and `run_agent()`.

A node is a pure function of the state and of the dependencies it is given. None of them knows
about telemetry; `run_agent()` wraps them.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypedDict, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langsmith import tracing_context

from .config import settings
from .instrumentation import (
    agent_run,
    record_result,
    traced_chat,
    traced_nodes,
    traced_retrieval,
    traced_tool,
)
from .model import ScriptedChatModel
from .orders import Order, OrderBook
from .policies import Policy, search_policies

__all__ = ["NODES", "AgentInput", "AgentOutput", "Dependencies", "build_graph", "run_agent"]

DEMO_ACTOR = "usr_pseudo_7f31c2"
INSTRUCTIONS = "Answer the customer's question from the order and the policy. Be brief and honest."
RECURSION_LIMIT = 25  # LangGraph's own is 10,007: a loop would run up a bill first.
NOT_YOURS = "I cannot find that order among yours. Please check the reference."

Outcome = Literal["answered", "denied"]


class AgentInput(TypedDict):
    """What a turn starts from: business state, no identity and no telemetry."""

    query: str
    conversation_id: str
    order_reference: str
    region: str


class AgentOutput(TypedDict):
    """What a turn comes to."""

    outcome: Outcome
    answer: str


class AgentState(AgentInput, AgentOutput):
    """What the nodes share while the turn runs."""

    order: Order
    policies: Sequence[Policy]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Who is asking, and the services that the nodes may call."""

    actor: str
    may_see: Callable[[str, str], bool]
    find_order: Callable[[str, str], Order]
    search_policies: Callable[[str], Sequence[Policy]]
    chat: Callable[[Sequence[BaseMessage]], AIMessage]


Update = dict[str, object]


class Node(Protocol):
    """A step of the agent: reads the state, returns the keys that it changes."""

    def __call__(self, state: AgentState, *, runtime: Runtime[Dependencies]) -> Update: ...


def authorize(state: AgentState, runtime: Runtime[Dependencies]) -> Update:
    """Deny any order that is not the actor's, with one text whether it exists or not."""
    if runtime.context.may_see(runtime.context.actor, state["order_reference"]):
        return {}
    return {"outcome": "denied", "answer": NOT_YOURS}


def lookup_order(state: AgentState, runtime: Runtime[Dependencies]) -> Update:
    """Fetch the order."""
    return {"order": runtime.context.find_order(runtime.context.actor, state["order_reference"])}


def retrieve_policy(state: AgentState, runtime: Runtime[Dependencies]) -> Update:
    """Fetch the policies that hold in the customer's region."""
    return {"policies": runtime.context.search_policies(state["region"])}


def compose_answer(state: AgentState, runtime: Runtime[Dependencies]) -> Update:
    """Have the model answer from the order and the policy."""
    facts = {
        "question": state["query"],
        "order": dataclasses.asdict(state["order"]),
        "policy": state["policies"][0].text,
    }
    reply = runtime.context.chat([SystemMessage(INSTRUCTIONS), HumanMessage(json.dumps(facts))])
    return {"outcome": "answered", "answer": reply.text}


NODES: Mapping[str, Node] = {
    "authorize": authorize,
    "lookup_order": lookup_order,
    "retrieve_policy": retrieve_policy,
    "compose_answer": compose_answer,
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
        builder.add_node(name, node)
    builder.add_edge(START, "authorize")
    builder.add_conditional_edges(
        "authorize", _after_authorize, ["lookup_order", "retrieve_policy", END]
    )
    builder.add_edge(["lookup_order", "retrieve_policy"], "compose_answer")
    builder.add_edge("compose_answer", END)
    return builder.compile(name="order-status")


def run_agent(state: AgentInput, *, actor: str = DEMO_ACTOR) -> AgentOutput:
    """Run one turn.

    Args:
        state: The question, its conversation, the order it is about and the region.
        actor: Who is asking, as the application knows it; decides which orders may be seen.

    Returns:
        `outcome` (`answered` or `denied`) and `answer`, the text for the customer.
    """
    with agent_run(state["query"]) as span, tracing_context(enabled=False):
        # LangSmith would otherwise get every state if LANGSMITH_TRACING is set in the shell.
        output = _graph().invoke(
            state, {"recursion_limit": RECURSION_LIMIT}, context=_dependencies(actor)
        )
        result = cast("AgentOutput", output)
        record_result(span, **result)
        return result


def _after_authorize(state: AgentState) -> Sequence[str]:
    return [END] if state.get("outcome") == "denied" else ["lookup_order", "retrieve_policy"]


@cache
def _graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    return build_graph(traced_nodes(NODES))


@cache
def _dependencies(actor: str) -> Dependencies:
    orders = OrderBook(settings.agent_data_dir / "orders.db")
    model = ScriptedChatModel()
    return Dependencies(
        actor=actor,
        may_see=orders.is_owned,
        find_order=traced_tool("get_order", orders.find),
        search_policies=traced_retrieval("delivery-policies", search_policies),
        chat=traced_chat(model.model_name, model.provider, model.invoke),
    )
