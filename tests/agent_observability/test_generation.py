"""What a reader of one turn looks at: the model's content, and steps in their order."""

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability import graph

TURN: Any = {
    "query": "Where is my order? I am anna.k@example.com",
    "conversation_id": "conv_1",
    "order_reference": "ORDER-924",
    "region": "eu",
}
STEP = "langfuse.observation.metadata.langgraph_step"
CONTENT = {"langfuse.observation.input", "langfuse.observation.output"}


def chat(exporter: InMemorySpanExporter) -> ReadableSpan:
    """Return the span of the model's call."""
    return next(s for s in exporter.get_finished_spans() if s.name.startswith("chat "))


def test_a_generation_has_its_conversation_and_its_answer(exporter: InMemorySpanExporter) -> None:
    """As roles and contents that Langfuse can show, masked, and still the JSON that it was."""
    answer = graph.run_agent(TURN)["answer"]
    attributes = chat(exporter).attributes or {}
    conversation = json.loads(str(attributes["langfuse.observation.input"]))
    assert [message["role"] for message in conversation] == ["system", "user"]
    facts = json.loads(conversation[1]["content"])
    assert facts["question"] == "Where is my order? I am [e-mail]"
    assert facts["order"]["reference"] == "[order]"
    assert "ORDER-924" in answer
    assert attributes["langfuse.observation.output"] == answer.replace("ORDER-924", "[order]")


def test_no_content_is_recorded_where_none_is_captured(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CAPTURE_CONTENT=off holds for the generation, too."""
    monkeypatch.setenv("CAPTURE_CONTENT", "off")
    graph.run_agent(TURN)
    for span in exporter.get_finished_spans():
        assert not CONTENT & set(span.attributes or {})


def test_steps_are_in_their_order_in_whole_milliseconds(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the default delays no two steps that follow each other start in one millisecond."""
    for name in ("CARRIER_DELAY_SECONDS", "MODEL_DELAY_SECONDS", "STEP_DELAY_SECONDS"):
        monkeypatch.delenv(name)
    graph.run_agent(TURN)
    starts: dict[Any, int] = {}
    for span in exporter.get_finished_spans():
        step = (span.attributes or {}).get(STEP)
        if step is not None:
            starts[step] = (span.start_time or 0) // 1_000_000
    assert [starts[step] for step in sorted(starts)] == sorted(set(starts.values()))
    took = (chat(exporter).end_time or 0) - (chat(exporter).start_time or 0)
    assert took >= 80_000_000
