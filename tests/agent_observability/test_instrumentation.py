"""Spans when a turn does not end as planned: time-outs, cancellation, interrupts, errors."""

import asyncio
import dataclasses
import threading
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeTimeoutError
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability import graph, instrumentation
from agent_observability.agent.services import open_services
from agent_observability.graph import NODES
from agent_observability.shop.database import StorageError

TURN: graph.AgentInput = {
    "query": "Where is my order?",
    "conversation_id": "conv",
    "order_reference": "ORDER-924",
    "region": "eu",
}


class State(TypedDict):
    """As small as a state can be."""

    value: int


def statuses(exporter: InMemorySpanExporter) -> dict[str, tuple[str, object]]:
    """Status and error type by name of span."""
    return {
        span.name: (span.status.status_code.name, (span.attributes or {}).get("error.type"))
        for span in exporter.get_finished_spans()
    }


def test_a_node_that_times_out_is_an_error(exporter: InMemorySpanExporter) -> None:
    """LangGraph cancels it, and a cancelled node must not look successful."""

    async def slow(state: State) -> State:
        await asyncio.Event().wait()
        return state

    builder = StateGraph(State)
    builder.add_node("slow", instrumentation.traced_nodes({"slow": slow})["slow"], timeout=0.02)
    builder.add_edge(START, "slow")
    with pytest.raises(NodeTimeoutError):
        asyncio.run(builder.compile().ainvoke({"value": 1}))
    assert statuses(exporter) == {"slow": ("ERROR", "CancelledError")}


def test_an_interrupt_is_not_an_error(exporter: InMemorySpanExporter) -> None:
    """LangGraph waits for a person by an exception; that is control flow."""

    def ask(state: State) -> State:
        interrupt("may I?")
        return state

    builder = StateGraph(State)
    builder.add_node("ask", instrumentation.traced_nodes({"ask": ask})["ask"])
    builder.add_edge(START, "ask")
    thread: Any = {"configurable": {"thread_id": "1"}}
    builder.compile(checkpointer=InMemorySaver()).invoke({"value": 1}, thread)
    assert statuses(exporter) == {"ask": ("UNSET", None)}


def test_a_cancelled_turn_is_an_error_and_leaves_no_span_open(
    exporter: InMemorySpanExporter,
) -> None:
    """The caller goes away while the carrier is asked: the turn's span says so and all spans end."""
    asked, answered = threading.Event(), threading.Event()

    class Carrier:
        def last_seen(self, region: str, *, deadline_seconds: float) -> str:
            asked.set()
            answered.wait(5)
            return f"{region}{deadline_seconds}"

    services = dataclasses.replace(open_services(), carrier=Carrier)

    async def cancelled() -> None:
        turn = asyncio.create_task(graph.arun_agent(TURN, services=services))
        await asyncio.to_thread(asked.wait, 5)
        turn.cancel()
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await turn

    asyncio.run(cancelled())
    found = statuses(exporter)
    assert found["invoke_agent order-status"] == ("ERROR", "CancelledError")
    assert {"lookup_order", "execute_tool get_order"} <= set(found)


def test_an_error_shows_its_type_and_not_its_message(
    exporter: InMemorySpanExporter,
) -> None:
    """A database that fails ends the turn as itself, after one attempt."""
    services = open_services()
    services.orders.database.path.write_bytes(b"damaged " * 1000)
    with pytest.raises(StorageError, match="is damaged"):
        graph.run_agent(TURN, services=services)
    assert statuses(exporter) == {
        "authorize": ("ERROR", "StorageError"),
        "invoke_agent order-status": ("ERROR", "StorageError"),
    }
    assert "damaged" not in " ".join(s.to_json() for s in exporter.get_finished_spans())


def test_an_error_in_a_hardened_node_is_not_taken_for_an_outage(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the carrier and the model may be unavailable; anything else is raised, once."""

    def broken(state: Any, runtime: Any) -> Any:
        raise ZeroDivisionError(len(state), runtime is None)

    nodes = instrumentation.traced_nodes({**NODES, "lookup_order": broken})
    monkeypatch.setattr(graph, "_graph", lambda: graph.build_graph(nodes))
    with pytest.raises(ZeroDivisionError):
        graph.run_agent(TURN)
    names = [span.name for span in exporter.get_finished_spans()]
    assert names.count("lookup_order") == 1
    assert statuses(exporter)["invoke_agent order-status"] == ("ERROR", "ZeroDivisionError")
