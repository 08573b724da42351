"""A hundred conversations at once keep their own session, user, memory and answers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability.agent.services import open_services
from agent_observability.graph import arun_agent, run_agent
from agent_observability.langfuse_context import langfuse_trace_context

COUNT = 100


def owners() -> list[tuple[str, str]]:
    """A hundred customers and an order of each."""
    with open_services().orders.database.reading() as connection:
        return connection.execute(
            "SELECT owner, min(reference) FROM orders GROUP BY owner LIMIT ?", (COUNT,)
        ).fetchall()


def context(number: int, actor: str) -> Any:
    """The trace context of one of them."""
    return langfuse_trace_context(
        session_id=f"conv_{number}",
        user_id=actor,
        trace_name="order-status-turn",
        version="local",
        tags=(),
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
    )


def asked(number: int, reference: str) -> Any:
    """The turn of one of them."""
    return {
        "query": "Where is my order?",
        "conversation_id": f"conv_{number}",
        "order_reference": reference,
        "region": "eu",
    }


def in_threads(turns: list[tuple[int, str, str]]) -> list[str]:
    """Run every turn in a thread of its own."""

    def run(number: int, actor: str, reference: str) -> str:
        with context(number, actor):
            return run_agent(asked(number, reference), actor=actor)["answer"]

    with ThreadPoolExecutor(COUNT) as pool:
        return list(pool.map(lambda turn: run(*turn), turns))


def in_tasks(turns: list[tuple[int, str, str]]) -> list[str]:
    """Run every turn in a task of its own."""

    async def run(number: int, actor: str, reference: str) -> str:
        with context(number, actor):
            return (await arun_agent(asked(number, reference), actor=actor))["answer"]

    async def gather() -> list[str]:
        return await asyncio.gather(*(run(*turn) for turn in turns))

    return asyncio.run(gather())


@pytest.mark.parametrize("run", [in_threads, in_tasks])
def test_a_hundred_conversations_at_once(
    run: Callable[[list[tuple[int, str, str]]], list[str]], exporter: InMemorySpanExporter
) -> None:
    """Every trace has one session and one user, every answer its own order, every memory its turn."""
    turns = [(number, *owner) for number, owner in enumerate(owners())]
    answers = run(turns)
    for (number, actor, reference), answer in zip(turns, answers, strict=True):
        assert f" {reference} " in answer
        (turn,) = open_services().conversations.recall(actor, f"conv_{number}")
        assert (turn.order_reference, turn.answer) == (reference, answer)
    found: dict[int, set[tuple[object, object]]] = {}
    for span in exporter.get_finished_spans():
        attributes = span.attributes or {}
        who = (attributes["langfuse.session.id"], attributes["langfuse.user.id"])
        found.setdefault(span.context.trace_id if span.context else 0, set()).add(who)
    expected = [{(f"conv_{number}", actor)} for number, actor, _ in turns]
    assert sorted(map(list, found.values())) == sorted(map(list, expected))
