"""Spans when a turn does not end as planned: time-outs, cancellation, interrupts, errors."""

import asyncio
import dataclasses
import importlib.util
import re
import threading
import tomllib
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeTimeoutError
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from agent_observability import graph, instrumentation
from agent_observability.agent.services import open_services
from agent_observability.config import load_settings
from agent_observability.graph import NODES
from agent_observability.shop.database import StorageError

ROOT = Path(__file__).parents[2]
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


def test_a_fault_in_a_description_is_logged_and_the_answer_goes_out(
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Masking, usage, counts, the graph's step: whichever breaks, the turn comes to its answer."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError

    expected = graph.run_agent(TURN)["outcome"]
    names = [span.name for span in exporter.get_finished_spans()]
    exporter.clear()
    for name in ("mask", "usage", "_step", "get_config"):
        monkeypatch.setattr(instrumentation, name, broken)
    for name in ("_ranking", "_count", "_handoff"):
        monkeypatch.setattr(getattr(instrumentation, name), "__code__", broken.__code__)
    assert graph.run_agent(TURN)["outcome"] == expected
    assert sorted(span.name for span in exporter.get_finished_spans()) == sorted(names)
    assert {status for status, _ in statuses(exporter).values()} == {"UNSET"}
    assert "lacks a part of its description" in caplog.text


def test_one_more_key_in_the_output_is_no_error(exporter: InMemorySpanExporter) -> None:
    """A service that adds to AgentOutput has its outcome and answer recorded as before."""
    result: Any = {"outcome": "answered", "answer": "On its way.", "confidence": 0.9}
    with instrumentation.agent_run("Where?", "scripted") as span:
        instrumentation.record_result(span, result)
        instrumentation.record_result(span, {"confidence": 0.9})  # type: ignore[typeddict-item, typeddict-unknown-key] # on purpose
    [run] = exporter.get_finished_spans()
    assert (run.attributes or {})["langfuse.observation.output"] == "On its way."
    assert run.status.status_code.name == "UNSET"


@pytest.mark.parametrize("is_traced", [False, True])
def test_a_foreign_env_file_fails_no_turn(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    is_traced: bool,
) -> None:
    """Settings that cannot be read cost a span its content, and without a provider nothing."""
    services = open_services()
    exporter = request.getfixturevalue("exporter") if is_traced else None
    (folder / ".env").write_text("DEPLOYMENT_ENVIRONMENT=theirs\nCAPTURE_CONTENT=perhaps\n")
    load_settings.cache_clear()
    if not is_traced:
        monkeypatch.setattr(instrumentation, "mask", lambda _: pytest.fail("Nothing to mask."))
    assert graph.run_agent(TURN, services=services)["outcome"] == "answered"
    if exporter:
        assert not [s for s in exporter.get_finished_spans() if "Where" in s.to_json()]


def test_a_span_that_is_not_recorded_is_not_masked_for(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that is not sampled costs no work on its description."""
    tracer = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("unsampled")
    monkeypatch.setattr(instrumentation, "_tracer", tracer)
    monkeypatch.setattr(instrumentation, "mask", lambda _: pytest.fail("Nothing to mask."))
    assert graph.run_agent(TURN)["outcome"] == "answered"
    assert not exporter.get_finished_spans()


def test_spans_say_who_made_them_and_what_their_names_mean(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The scope has the project's version and a schema; the run has its model's provider."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    fresh = importlib.util.spec_from_file_location(
        "agent_observability.fresh", instrumentation.__file__
    )
    assert folder
    assert fresh
    assert fresh.loader
    module = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(module)
    with module.agent_run("Where?", "openai"):
        pass
    [run] = memory.get_finished_spans()
    assert run.instrumentation_scope
    assert run.instrumentation_scope.version == project["version"]
    assert run.instrumentation_scope.schema_url
    assert re.match(
        r"https://opentelemetry.io/schemas/1\.\d+\.0$", run.instrumentation_scope.schema_url
    )
    assert (run.attributes or {})["gen_ai.provider.name"] == "openai"
