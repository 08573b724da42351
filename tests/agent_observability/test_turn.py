"""One turn of the chapter, seen as the spans it makes."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability import graph
from agent_observability.config import load_settings
from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import LangfuseBaggageSpanProcessor

CONTEXT = {
    "langfuse.session.id": "conv_82d9535867844b4c8cdff",
    "langfuse.user.id": "usr_pseudo_7f31c2",
    "langfuse.trace.name": "order-status-turn",
    "langfuse.version": "local",
    "langfuse.trace.tags": ("order-status", "langgraph"),
    "langfuse.trace.metadata.environment": "development",
    "langfuse.trace.metadata.workflow": "order-status",
    "langfuse.trace.metadata.region": "eu",
}
TURN: graph.AgentInput = {
    "query": "Where is my order?",
    "conversation_id": "conv_82d9535867844b4c8cdff",
    "order_reference": "ORDER-924",
    "region": "eu",
}


@pytest.fixture(name="exporter")
def _exporter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InMemorySpanExporter]:
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(LangfuseBaggageSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("agent_observability")
    monkeypatch.setattr("agent_observability.instrumentation._tracer", tracer)
    graph._dependencies.cache_clear()
    yield exporter
    provider.shutdown()
    graph._dependencies.cache_clear()


def run(**changes: str) -> graph.AgentOutput:
    """Run the chapter's turn, with some of its business state changed."""
    with langfuse_trace_context(
        session_id="conv_82d9535867844b4c8cdff",
        user_id="usr_pseudo_7f31c2",
        trace_name="order-status-turn",
        version="local",
        tags=("order-status", "langgraph"),
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
    ):
        return graph.run_agent({**TURN, **changes})  # type: ignore[typeddict-item]  # a test's own keys


def tree(spans: Sequence[ReadableSpan], parent: int | None = None) -> list[Any]:
    """Nest the spans, without ids, times and trace context; siblings in order of name."""
    return [
        (
            f"{span.name} [{span.kind.name} {span.status.status_code.name}]",
            {k: v for k, v in (span.attributes or {}).items() if k not in CONTEXT},
            *tree(spans, span.context.span_id),
        )
        for span in sorted(spans, key=lambda each: each.name)
        if (span.parent.span_id if span.parent else None) == parent and span.context
    ]


def test_the_span_tree_of_an_answered_turn(exporter: InMemorySpanExporter) -> None:
    """A turn is one agent span over its nodes, with the tool, the retrieval and the model below."""
    result = run()
    assert result["outcome"] == "answered"
    assert "ORDER-924" in result["answer"]
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "langfuse.observation.input": "Where is my order?",
                    "langfuse.observation.metadata.outcome": "answered",
                    "langfuse.observation.output": "Your order [order] is delayed (the carrier missed a connection) and should arrive on 2026-12-02. Within the EU, delivery is free again for any order that arrives more than five days late.",
                },
                (
                    "authorize [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "authorize",
                        "langfuse.observation.metadata.langgraph_step": 1,
                        "langfuse.observation.type": "guardrail",
                    },
                ),
                (
                    "compose_answer [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "compose_answer",
                        "langfuse.observation.metadata.langgraph_step": 3,
                    },
                    (
                        "chat order-model [CLIENT UNSET]",
                        {
                            "gen_ai.operation.name": "chat",
                            "gen_ai.provider.name": "scripted",
                            "gen_ai.request.model": "order-model",
                            "gen_ai.response.model": "order-model",
                            "gen_ai.usage.input_tokens": 92,
                            "gen_ai.usage.output_tokens": 48,
                            "gen_ai.usage.cost": 4.26e-05,
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "execute_tool get_order [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "get_order",
                            "gen_ai.tool.type": "datastore",
                        },
                    ),
                ),
                (
                    "retrieve_policy [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "retrieve_policy",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "retrieval delivery-policies [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "retrieval",
                            "gen_ai.data_source.id": "delivery-policies",
                            "langfuse.observation.type": "retriever",
                            "langfuse.observation.metadata.document_ids": (
                                "delivery-eu",
                                "delivery-global",
                            ),
                        },
                    ),
                ),
            )
        ]
    )


def test_every_span_lies_within_its_parent(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a clock that ticks at every reading, no span starts before or ends after its parent."""
    ticks = count(1)
    monkeypatch.setattr("opentelemetry.sdk.trace.time_ns", lambda: next(ticks))
    run()
    spans = {s.context.span_id: s for s in exporter.get_finished_spans() if s.context}
    for span in (each for each in spans.values() if each.parent):
        parent = spans[span.parent.span_id] if span.parent else span
        times = (parent.start_time, span.start_time, span.end_time, parent.end_time)
        assert sorted(set(times), key=lambda each: each or 0) == list(times), span.name


def test_every_span_carries_the_whole_context(exporter: InMemorySpanExporter) -> None:
    """Langfuse aggregates rows, so each span has session, user, name, version, tags, metadata."""
    run()
    spans = exporter.get_finished_spans()
    assert len(spans) == 8
    for span in spans:
        assert {k: v for k, v in (span.attributes or {}).items() if k in CONTEXT} == CONTEXT


def test_a_denied_turn_reaches_no_tool_and_no_model(exporter: InMemorySpanExporter) -> None:
    """Another customer's order and one that does not exist get the same answer, and no look-up."""
    answers = {run(order_reference=each)["answer"] for each in ("ORDER-311", "ORDER-0")}
    assert answers == {graph.NOT_YOURS}
    names = [span.name for span in exporter.get_finished_spans()]
    assert names == ["authorize", "invoke_agent order-status"] * 2


def test_content_capture_can_be_turned_off(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With CAPTURE_CONTENT=off, no span holds what was asked or answered."""
    monkeypatch.setenv("CAPTURE_CONTENT", "off")
    load_settings.cache_clear()
    run(query="Where is ORDER-924?")
    for span in exporter.get_finished_spans():
        assert not [name for name in span.attributes or {} if name.endswith(("input", "output"))]


def test_recorded_content_is_masked(exporter: InMemorySpanExporter) -> None:
    """E-mail addresses and order references do not reach any attribute of any span."""
    run(query="I am jo@example.com, where is ORDER-924?")
    text = " ".join(span.to_json() for span in exporter.get_finished_spans())
    assert "jo@example.com" not in text
    assert "ORDER-924" not in text
    assert "I am [e-mail], where is [order]?" in text


def test_the_agent_runs_without_any_telemetry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With no tracer provider the agent does its job and returns the same two keys."""
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    graph._dependencies.cache_clear()
    monkeypatch.setattr("agent_observability.instrumentation._tracer", trace.NoOpTracer())
    assert sorted(graph.run_agent(TURN)) == ["answer", "outcome"]
