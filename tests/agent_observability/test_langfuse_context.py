"""The trace context: what spans and baggage get, and that nothing of it stays behind."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span

from agent_observability.langfuse_context import (
    LANGFUSE_BAGGAGE_KEYS,
    LANGFUSE_TAGS_BAGGAGE_KEY,
    langfuse_trace_context,
)
from agent_observability.telemetry import LangfuseBaggageSpanProcessor
from langfuse_otel import InvalidTraceContextError, span_attributes
from support.left_behind import nothing_left_behind

TURN: dict[str, Any] = {
    "session_id": "conv_82d9535867844b4c8cdff",
    "user_id": "usr_pseudo_7f31c2",
    "trace_name": "order-status-turn",
    "version": "local",
    "tags": ("order-status", "langgraph"),
    "metadata": {"environment": "development", "workflow": "order-status", "region": "eu"},
}
ATTRIBUTES = {
    "langfuse.session.id": "conv_82d9535867844b4c8cdff",
    "langfuse.user.id": "usr_pseudo_7f31c2",
    "langfuse.trace.name": "order-status-turn",
    "langfuse.version": "local",
    "langfuse.trace.tags": ("order-status", "langgraph"),
    "langfuse.trace.metadata.environment": "development",
    "langfuse.trace.metadata.workflow": "order-status",
    "langfuse.trace.metadata.region": "eu",
}

provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=1000))
exporter = InMemorySpanExporter()
provider.add_span_processor(LangfuseBaggageSpanProcessor())
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("tests")


def turn(**changes: Any) -> AbstractContextManager[None]:
    """Enter the chapter's context, with some values changed."""
    return langfuse_trace_context(**{**TURN, **changes})


def span(**options: Any) -> dict[str, Any]:
    """Start and end a span, and return its attributes."""
    started = tracer.start_span("span", **options)
    started.end()
    assert isinstance(started, ReadableSpan)
    return dict(started.attributes or {})


@pytest.fixture(autouse=True)
def _leaves_no_trace(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield from nothing_left_behind(caplog)


def test_every_span_inside_gets_the_chapters_attributes() -> None:
    """Spans inside the block carry all of the context, spans outside none of it."""
    with turn():
        assert span() == ATTRIBUTES
    assert span() == {}


def test_the_context_is_in_the_baggage() -> None:
    """The chapter's contract: entries under LANGFUSE_BAGGAGE_KEYS, and the tags under theirs."""
    with turn(tags=["order-status", "a,b%"]):
        entries = dict(baggage.get_all())
    assert entries.pop(LANGFUSE_TAGS_BAGGAGE_KEY) == "order-status,a%2Cb%25"
    expected = {key: value for key, value in ATTRIBUTES.items() if key != "langfuse.trace.tags"}
    assert entries == expected
    assert entries.keys() <= LANGFUSE_BAGGAGE_KEYS


def test_other_baggage_and_context_values_stay() -> None:
    """What the application keeps in its own baggage and context is there inside, too."""
    token = context.attach(context.set_value("app", 1, baggage.set_baggage("channel", "web")))
    try:
        with turn(), turn(session_id="inner"):
            assert baggage.get_baggage("channel") == "web"
            assert context.get_value("app") == 1
    finally:
        context.detach(token)


@pytest.mark.parametrize("tags", [["a,b"], ["é", "日本語", "🚚"], ['quo"te'], []])
def test_tags_survive(tags: list[str]) -> None:
    """Commas, quotes and unicode arrive as they were; without tags there is no attribute."""
    with turn(tags=tags):
        assert span().get("langfuse.trace.tags", ()) == tuple(tags)


def test_raw_baggage_changes_nothing() -> None:
    """An entry that did not come through validation is on no span, inside the block or out."""
    forged = baggage.set_baggage("langfuse.user.id", "somebody-else")
    assert span(context=forged) == {}
    with turn():
        forged = baggage.set_baggage("langfuse.user.id", "somebody-else")
        assert span(context=forged) == ATTRIBUTES
    token = context.attach(baggage.set_baggage("langfuse.trace.metadata.x", "y"))
    with turn():
        assert "langfuse.trace.metadata.x" not in baggage.get_all()
    context.detach(token)


def test_an_unfit_field_is_refused_in_development(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is attached, and the error says what the value looks like, without the value."""
    with (
        pytest.raises(InvalidTraceContextError, match=r"^user_id looks like an e-mail address"),
        turn(user_id="jane@example.com"),
    ):
        pytest.fail("The block should not be entered.")
    assert span() == {}
    assert not caplog.records


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_unfit_field_is_dropped_elsewhere(environment: str) -> None:
    """Telemetry never breaks the service: the turn goes on, with every other field."""
    metadata = {**TURN["metadata"], "environment": environment}
    with turn(user_id="jane@example.com", tags=["ORDER-924"], metadata=metadata):
        attributes, entries = span(), baggage.get_all()
    missing = {"langfuse.user.id", "langfuse.trace.tags"}
    assert attributes.keys() == ATTRIBUTES.keys() - missing
    assert entries.keys() == ATTRIBUTES.keys() - missing


def test_nested_contexts_restore_what_they_shadowed() -> None:
    """The inner context is whole, inherits nothing, and the outer one is back after it."""
    with turn(metadata={"tenant_tier": "free"}):
        with turn(session_id="inner", metadata={"region": "us"}):
            inside = span()
            assert inside["langfuse.session.id"] == "inner"
            assert "langfuse.trace.metadata.tenant_tier" not in inside
            assert "langfuse.trace.metadata.tenant_tier" not in baggage.get_all()
        assert span()["langfuse.trace.metadata.tenant_tier"] == "free"
        assert baggage.get_baggage("langfuse.session.id") == TURN["session_id"]


def test_the_active_span_is_stamped_on_purpose_alone() -> None:
    """A worker's span that outlives many turns has none of their users, unless it is told to."""
    with tracer.start_as_current_span("server") as server:
        with turn():
            pass
        assert isinstance(server, ReadableSpan)
        assert server.attributes == {}
        with turn():
            server.set_attributes(span_attributes())
    assert server.attributes == ATTRIBUTES


def test_an_explicit_context_is_obeyed() -> None:
    """A span started in an empty context has none, wherever it is started."""
    with turn():
        inside = context.get_current()
        assert span(context=context.Context()) == {}
    assert span(context=inside) == ATTRIBUTES


def test_the_ids_survive_a_span_with_too_many_attributes() -> None:
    """Within the provider's limit nothing is lost; past it, the ids are what is lost last."""
    with turn():
        assert span(attributes={f"a{n}": n for n in range(900)}).items() >= ATTRIBUTES.items()
        started = tracer.start_span("full")
        started.set_attributes({f"a{n}": n for n in range(998)})
        started.end()
    assert isinstance(started, ReadableSpan)
    attributes = started.attributes or {}
    assert {"langfuse.session.id", "langfuse.user.id"} <= attributes.keys()


def test_an_error_in_the_processor_does_not_reach_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A span that cannot be stamped still starts, and it is logged."""

    class Broken:
        def set_attributes(self, _attributes: object) -> None:
            raise RuntimeError

    with turn():
        LangfuseBaggageSpanProcessor().on_start(Broken())  # type: ignore[arg-type] # on purpose
    assert "without its Langfuse context" in caplog.text


def test_an_exception_leaves_no_trace() -> None:
    """The error passes through unchanged and the context is gone (see the fixture)."""
    with pytest.raises(ZeroDivisionError), turn():
        raise ZeroDivisionError


def test_a_generator_closed_early_leaves_no_trace() -> None:
    """Breaking out of a generator that holds the block restores the caller's context."""

    def answers() -> Iterator[int]:
        with turn():
            yield 1
            yield 2

    for _ in answers():
        break
    assert span() == {}


def test_an_async_generator_closed_early_leaves_no_trace() -> None:
    """With aclosing the context is gone; without it, closing late logs no error."""

    async def answers() -> AsyncIterator[int]:
        with turn():
            yield 1
            yield 2

    async def closing() -> dict[str, Any]:
        async with aclosing(answers()) as stream:  # type: ignore[type-var] # it is a generator
            async for _ in stream:
                break
        return span()

    async def breaking() -> None:
        async for _ in answers():
            break
        await asyncio.sleep(0)

    assert asyncio.run(closing()) == {}
    asyncio.run(breaking())


def test_leaving_in_another_context_logs_nothing() -> None:
    """Web frameworks enter and leave a dependency in different threads: no detach error."""
    held = turn()
    contextvars.copy_context().run(held.__enter__)
    contextvars.copy_context().run(held.__exit__, None, None, None)


def test_a_hundred_tasks_never_mix() -> None:
    """Each of 100 concurrent turns sees its own session on every span, to_thread included."""

    async def one(number: int) -> None:
        with turn(session_id=f"conv_{number}"):
            for _ in range(5):
                await asyncio.sleep(0)
                assert span()["langfuse.session.id"] == f"conv_{number}"
            found = await asyncio.to_thread(span)
            assert found["langfuse.session.id"] == f"conv_{number}"
            [child] = await asyncio.gather(asyncio.create_task(later()))
            assert child["langfuse.session.id"] == f"conv_{number}"
        assert span() == {}

    async def later() -> dict[str, Any]:
        await asyncio.sleep(0)
        return span()

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(all_of_them())


def test_sixteen_threads_never_mix() -> None:
    """16 threads that run turns at the same time each see their own session."""
    ready = threading.Barrier(16)

    def one(number: int) -> None:
        ready.wait()
        for round_ in range(50):
            with turn(session_id=f"conv_{number}_{round_}"):
                assert span()["langfuse.session.id"] == f"conv_{number}_{round_}"
            assert span() == {}

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(16)))


def test_the_documented_way_into_a_thread() -> None:
    """`contextvars.copy_context().run` carries the context into a plain pool."""
    with turn(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(contextvars.copy_context().run, span).result() == ATTRIBUTES


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["enter", "leave", "span"])))


@settings(deadline=None)
@given(STEPS)
def test_any_interleaving_of_turns_keeps_each_its_own(steps: list[tuple[int, str]]) -> None:
    """Four concurrent tasks enter, nest and leave contexts in any order; each sees its own."""
    tasks = [
        (contextvars.Context(), list[tuple[str, AbstractContextManager[None]]]()) for _ in "1234"
    ]
    for number, (task, step) in enumerate(steps):
        own, stack = tasks[task]
        if step == "enter":
            stack.append((f"conv_{number}", turn(session_id=f"conv_{number}")))
            own.run(stack[-1][1].__enter__)
        elif step == "leave" and stack:
            own.run(stack.pop()[1].__exit__, None, None, None)
        expected = stack[-1][0] if stack else None
        assert own.run(span).get("langfuse.session.id") == expected
        assert own.run(baggage.get_baggage, "langfuse.session.id") == expected
    for own, stack in tasks:
        while stack:
            own.run(stack.pop()[1].__exit__, None, None, None)
        assert own.run(span) == {}


def test_an_unsampled_active_span_is_no_error() -> None:
    """The block may be entered with no span, a foreign span or an ended one around it."""
    ended = tracer.start_span("ended")
    ended.end()
    logging.getLogger("opentelemetry.sdk.trace").setLevel(logging.ERROR)
    with use_span(ended), turn():
        assert span() == ATTRIBUTES
