"""Whole turns, seen as the spans they make."""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Any
from unittest.mock import ANY

import pytest
from inline_snapshot import snapshot
from langgraph.errors import GraphRecursionError
from langgraph.types import Command
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability import graph, instrumentation
from agent_observability.agent import prompts
from agent_observability.agent.services import open_services
from agent_observability.config import load_settings
from agent_observability.graph import NODES
from agent_observability.langfuse_context import langfuse_trace_context
from support.spans import CONTEXT, outline, tree

TURN: graph.AgentInput = {
    "query": "Where is my order?",
    "conversation_id": "conv_82d9535867844b4c8cdff",
    "order_reference": "ORDER-924",
    "region": "eu",
}


def in_context(run: Callable[[], Any]) -> Any:
    """Run something inside the chapter's trace context."""
    with langfuse_trace_context(
        session_id="conv_82d9535867844b4c8cdff",
        user_id="usr_pseudo_7f31c2",
        trace_name="order-status-turn",
        version="local",
        tags=("order-status", "langgraph"),
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
    ):
        return run()


def run(actor: str = graph.DEMO_ACTOR, **changes: str) -> graph.AgentOutput:
    """Run the chapter's turn, with some of its business state changed."""
    state: Any = {**TURN, **changes}
    result: graph.AgentOutput = in_context(lambda: graph.run_agent(state, actor=actor))
    return result


def test_an_answered_turn(exporter: InMemorySpanExporter) -> None:
    """A turn is one agent span over its nodes, with tool, retrieval, memory and model below."""
    assert run()["outcome"] == "answered"
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
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
                    "classify_question [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "classify_question",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "search_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "search_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 0,
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                                "delay-eu",
                            ),
                            "langfuse.observation.metadata.document_scores": (
                                1.9262,
                                0.8741,
                                0.3073,
                            ),
                        },
                    ),
                ),
                (
                    "compose_answer [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "compose_answer",
                        "langfuse.observation.metadata.langgraph_step": 4,
                    },
                    (
                        "chat order-model [CLIENT UNSET]",
                        {
                            "gen_ai.operation.name": "chat",
                            "gen_ai.provider.name": "scripted",
                            "gen_ai.request.model": "order-model",
                            "langfuse.observation.input": ANY,
                            "langfuse.observation.output": "Your order [order] is delayed (the carrier missed a connection) and should arrive on 2026-12-02. Within the EU, delivery is free again for any order that arrives more than five days late.",
                            "gen_ai.response.model": "order-model",
                            "gen_ai.response.finish_reasons": ("stop",),
                            "gen_ai.usage.input_tokens": 229,
                            "gen_ai.usage.output_tokens": 48,
                            "gen_ai.usage.cost": 6.315e-05,
                        },
                    ),
                ),
                (
                    "decide_escalation [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "decide_escalation",
                        "langfuse.observation.metadata.langgraph_step": 5,
                    },
                ),
                (
                    "remember_turn [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "remember_turn",
                        "langfuse.observation.metadata.langgraph_step": 6,
                    },
                    (
                        "upsert_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "upsert_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 1,
                        },
                    ),
                ),
            )
        ]
    )


def test_a_turn_answered_on_the_second_attempt(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed attempt and the one that succeeded are a node and a tool span each."""
    monkeypatch.setenv("CARRIER_FAILURES", "1")
    assert run()["outcome"] == "answered"
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
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
                    "classify_question [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "classify_question",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "search_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "search_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 0,
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL ERROR]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
                        "error.type": "CarrierUnavailableError",
                    },
                    (
                        "execute_tool get_order [INTERNAL ERROR]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "get_order",
                            "gen_ai.tool.type": "datastore",
                            "error.type": "CarrierUnavailableError",
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
                        "langfuse.observation.metadata.attempt": 2,
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
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                                "delay-eu",
                            ),
                            "langfuse.observation.metadata.document_scores": (
                                1.9262,
                                0.8741,
                                0.3073,
                            ),
                        },
                    ),
                ),
                (
                    "compose_answer [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "compose_answer",
                        "langfuse.observation.metadata.langgraph_step": 4,
                    },
                    (
                        "chat order-model [CLIENT UNSET]",
                        {
                            "gen_ai.operation.name": "chat",
                            "gen_ai.provider.name": "scripted",
                            "gen_ai.request.model": "order-model",
                            "langfuse.observation.input": ANY,
                            "langfuse.observation.output": "Your order [order] is delayed (the carrier missed a connection) and should arrive on 2026-12-02. Within the EU, delivery is free again for any order that arrives more than five days late.",
                            "gen_ai.response.model": "order-model",
                            "gen_ai.response.finish_reasons": ("stop",),
                            "gen_ai.usage.input_tokens": 229,
                            "gen_ai.usage.output_tokens": 48,
                            "gen_ai.usage.cost": 6.315e-05,
                        },
                    ),
                ),
                (
                    "decide_escalation [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "decide_escalation",
                        "langfuse.observation.metadata.langgraph_step": 5,
                    },
                ),
                (
                    "remember_turn [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "remember_turn",
                        "langfuse.observation.metadata.langgraph_step": 6,
                    },
                    (
                        "upsert_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "upsert_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 1,
                        },
                    ),
                ),
            )
        ]
    )


def test_a_denied_turn(exporter: InMemorySpanExporter) -> None:
    """A denied turn is not an error, and reaches no tool, no memory and no model."""
    assert run(order_reference="ORDER-311")["outcome"] == "denied"
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
                    "langfuse.observation.input": "Where is my order?",
                    "langfuse.observation.metadata.outcome": "denied",
                    "langfuse.observation.output": "I cannot find that order among yours. Please check the reference.",
                },
                (
                    "authorize [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "authorize",
                        "langfuse.observation.metadata.langgraph_step": 1,
                        "langfuse.observation.type": "guardrail",
                    },
                ),
            )
        ]
    )


def test_a_turn_that_finds_no_order(exporter: InMemorySpanExporter) -> None:
    """Without an order there is nothing to ask the model about, so nothing is spent."""
    assert run("usr_pseudo_nobody", order_reference="")["outcome"] == "not_found"
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
                    "langfuse.observation.input": "Where is my order?",
                    "langfuse.observation.metadata.outcome": "not_found",
                    "langfuse.observation.output": "I find no order of yours. If you have just placed one, ask again in an hour.",
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
                    "classify_question [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "classify_question",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "search_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "search_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 0,
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                                "delay-eu",
                            ),
                            "langfuse.observation.metadata.document_scores": (
                                1.9262,
                                0.8741,
                                0.3073,
                            ),
                        },
                    ),
                ),
                (
                    "compose_answer [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "compose_answer",
                        "langfuse.observation.metadata.langgraph_step": 4,
                    },
                ),
                (
                    "decide_escalation [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "decide_escalation",
                        "langfuse.observation.metadata.langgraph_step": 5,
                    },
                ),
                (
                    "remember_turn [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "remember_turn",
                        "langfuse.observation.metadata.langgraph_step": 6,
                    },
                    (
                        "upsert_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "upsert_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 1,
                        },
                    ),
                ),
            )
        ]
    )


def test_an_unavailable_turn(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three failed attempts are three errors; the turn itself ends in order, with no model call."""
    monkeypatch.setenv("CARRIER_FAILURES", "9")
    assert run()["outcome"] == "unavailable"
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
                    "langfuse.observation.input": "Where is my order?",
                    "langfuse.observation.metadata.outcome": "unavailable",
                    "langfuse.observation.output": "I cannot look that up right now, because a service I depend on does not answer. Your order is not affected; please ask again in a few minutes.",
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
                    "classify_question [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "classify_question",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "search_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "search_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 0,
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL ERROR]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
                        "error.type": "CarrierUnavailableError",
                    },
                    (
                        "execute_tool get_order [INTERNAL ERROR]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "get_order",
                            "gen_ai.tool.type": "datastore",
                            "error.type": "CarrierUnavailableError",
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL ERROR]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
                        "langfuse.observation.metadata.attempt": 2,
                        "error.type": "CarrierUnavailableError",
                    },
                    (
                        "execute_tool get_order [INTERNAL ERROR]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "get_order",
                            "gen_ai.tool.type": "datastore",
                            "error.type": "CarrierUnavailableError",
                        },
                    ),
                ),
                (
                    "lookup_order [INTERNAL ERROR]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "lookup_order",
                        "langfuse.observation.metadata.langgraph_step": 3,
                        "langfuse.observation.metadata.attempt": 3,
                        "error.type": "CarrierUnavailableError",
                    },
                    (
                        "execute_tool get_order [INTERNAL ERROR]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "get_order",
                            "gen_ai.tool.type": "datastore",
                            "error.type": "CarrierUnavailableError",
                        },
                    ),
                ),
                (
                    "retrieve_policy [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "retrieve_policy",
                        "langfuse.observation.metadata.langgraph_step": 3,
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
                                "delay-eu",
                            ),
                            "langfuse.observation.metadata.document_scores": (
                                1.9262,
                                0.8741,
                                0.3073,
                            ),
                        },
                    ),
                ),
                (
                    "decide_escalation [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "decide_escalation",
                        "langfuse.observation.metadata.langgraph_step": 4,
                    },
                ),
                (
                    "remember_turn [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "remember_turn",
                        "langfuse.observation.metadata.langgraph_step": 5,
                    },
                    (
                        "upsert_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "upsert_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 1,
                        },
                    ),
                ),
            )
        ]
    )


def test_an_escalated_turn(exporter: InMemorySpanExporter) -> None:
    """Asking for a person opens a handoff, an observation with its id and its reason."""
    result = run(query="I want to speak to a human.")
    assert result["outcome"] == "escalated"
    assert "HANDOFF-1001" in result["answer"]
    assert tree(exporter.get_finished_spans()) == snapshot(
        [
            (
                "invoke_agent order-status [INTERNAL UNSET]",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "order-status",
                    "gen_ai.provider.name": "scripted",
                    "langfuse.observation.input": "I want to speak to a human.",
                    "langfuse.observation.metadata.outcome": "escalated",
                    "langfuse.observation.output": "A colleague takes over from here and will write to you. Your reference: HANDOFF-1001.",
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
                    "classify_question [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "classify_question",
                        "langfuse.observation.metadata.langgraph_step": 2,
                    },
                    (
                        "search_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "search_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 0,
                        },
                    ),
                ),
                (
                    "decide_escalation [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "decide_escalation",
                        "langfuse.observation.metadata.langgraph_step": 3,
                    },
                    (
                        "execute_tool open_handoff [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "execute_tool",
                            "gen_ai.tool.name": "open_handoff",
                            "gen_ai.tool.type": "function",
                            "langfuse.observation.metadata.handoff_id": "HANDOFF-1001",
                            "langfuse.observation.metadata.handoff_reason": "asked",
                        },
                    ),
                ),
                (
                    "remember_turn [INTERNAL UNSET]",
                    {
                        "langfuse.observation.metadata.langgraph_node": "remember_turn",
                        "langfuse.observation.metadata.langgraph_step": 4,
                    },
                    (
                        "upsert_memory [INTERNAL UNSET]",
                        {
                            "gen_ai.operation.name": "upsert_memory",
                            "gen_ai.memory.store.id": "conversations",
                            "gen_ai.memory.record.count": 1,
                        },
                    ),
                ),
            )
        ]
    )


def _streamed(services: Any) -> None:
    asked: Any = TURN
    used = instrumentation.traced_dependencies(services.for_turn(graph.DEMO_ACTOR))
    with instrumentation.agent_run(asked["query"], "scripted") as span:
        list(graph._graph().stream(asked, context=used))
        instrumentation.record_result(span, {"outcome": "answered", "answer": ""})


async def _streamed_async(services: Any) -> None:
    asked: Any = TURN
    used = instrumentation.traced_dependencies(services.for_turn(graph.DEMO_ACTOR))
    with instrumentation.agent_run(asked["query"], "scripted") as span:
        async for _ in graph._graph().astream(asked, context=used):
            pass
        instrumentation.record_result(span, {"outcome": "answered", "answer": ""})


MODES: dict[str, Callable[[Any], object]] = {
    "sync": lambda services: graph.run_agent(TURN, services=services),
    "async": lambda services: asyncio.run(graph.arun_agent(TURN, services=services)),
    "stream": _streamed,
    "async stream": lambda services: asyncio.run(_streamed_async(services)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_way_to_run_makes_the_same_tree(
    mode: str,
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sync, async and streamed: one tree, no span open, nothing left in the caller's context."""
    monkeypatch.setenv("CARRIER_FAILURES", "1")
    before = otel_context.get_current()
    started: list[str] = []
    tracer = instrumentation._tracer
    start = tracer.start_as_current_span
    monkeypatch.setattr(
        tracer,
        "start_as_current_span",
        lambda name, **options: started.append(name) or start(name, **options),
    )
    with caplog.at_level(logging.DEBUG, "opentelemetry.context"):
        in_context(lambda: MODES[mode](open_services()))
    spans = exporter.get_finished_spans()
    assert sorted(started) == sorted(span.name for span in spans)
    assert outline(spans) == snapshot("""\
invoke_agent order-status [INTERNAL UNSET]
  authorize [INTERNAL UNSET]
  classify_question [INTERNAL UNSET]
    search_memory [INTERNAL UNSET]
  lookup_order [INTERNAL ERROR]
    execute_tool get_order [INTERNAL ERROR]
  lookup_order [INTERNAL UNSET]
    execute_tool get_order [INTERNAL UNSET]
  retrieve_policy [INTERNAL UNSET]
    retrieval delivery-policies [INTERNAL UNSET]
  compose_answer [INTERNAL UNSET]
    chat order-model [CLIENT UNSET]
  decide_escalation [INTERNAL UNSET]
  remember_turn [INTERNAL UNSET]
    upsert_memory [INTERNAL UNSET]\
""")
    assert otel_context.get_current() == before
    assert not trace.get_current_span().get_span_context().is_valid
    assert [record for record in caplog.records if record.name == "opentelemetry.context"] == []


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
    assert len(spans) == 13
    for span in spans:
        assert {k: v for k, v in (span.attributes or {}).items() if k in CONTEXT} == CONTEXT


def test_what_is_not_yours_and_what_does_not_exist_read_the_same(
    exporter: InMemorySpanExporter,
) -> None:
    """Another customer's order, one that does not exist and no reference at all: one answer."""
    references = ("ORDER-311", "ORDER-0", "order 311", "everything'; DROP TABLE orders --")
    assert {run(order_reference=each)["answer"] for each in references} == {prompts.NOT_YOURS}
    names = [span.name for span in exporter.get_finished_spans()]
    assert names == ["authorize", "invoke_agent order-status"] * 4


def test_nothing_of_a_turn_leaks_into_the_next(exporter: InMemorySpanExporter) -> None:
    """After a denied and an escalated turn, a plain question is answered as ever."""
    first = run(conversation_id="fresh")
    run(order_reference="ORDER-311")
    run(query="I want to speak to a human.")
    assert run() == first
    outcomes = [
        (span.attributes or {}).get("langfuse.observation.metadata.outcome")
        for span in exporter.get_finished_spans()
        if span.parent is None
    ]
    assert outcomes == ["answered", "denied", "escalated", "answered"]


@pytest.mark.usefixtures("folder")
def test_a_conversation_id_opens_nothing_of_another_user() -> None:
    """The stranger's turn in the conversation is denied or their own, and the owner's goes on."""
    run()
    assert run("usr_pseudo_b2c904")["outcome"] == "denied"
    stranger = run("usr_pseudo_b2c904", order_reference="")
    assert stranger["answer"].startswith("Your order ORDER-311")
    run("usr_pseudo_b2c904", query="I want to speak to a human.", order_reference="")
    assert run()["answer"].startswith(
        "Nothing has changed since you last asked. Your order ORDER-9"
    )
    handoffs = open_services().handoffs
    assert handoffs.find("usr_pseudo_7f31c2", TURN["conversation_id"]) is None
    assert handoffs.find("usr_pseudo_b2c904", TURN["conversation_id"]) is not None


@pytest.mark.usefixtures("folder")
def test_a_graph_that_goes_round_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangGraph's own limit is 10,007 steps; here it is 25."""
    steps = []

    def back(state: Any) -> Command[Any]:
        steps.append(state)
        return Command(goto="remember_turn")

    going_round: Any = {**NODES, "remember_turn": back}
    monkeypatch.setattr(graph, "_graph", lambda: graph.build_graph(going_round))
    with pytest.raises(GraphRecursionError):
        graph.run_agent(TURN)
    assert len(steps) < 25


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


def test_no_customer_reaches_telemetry(exporter: InMemorySpanExporter) -> None:
    """The mapping from pseudonym to customer is in the same database, and in no span."""
    run()
    run(query="I want to speak to a human.")
    text = " ".join(span.to_json() for span in exporter.get_finished_spans())
    assert "customer-" not in text
    assert "Customer 0" not in text


@pytest.mark.usefixtures("folder")
def test_the_agent_runs_without_any_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no tracer provider the agent does its job and returns the same two keys."""
    monkeypatch.setattr("agent_observability.instrumentation._tracer", trace.NoOpTracer())
    assert sorted(graph.run_agent(TURN)) == ["answer", "outcome"]
