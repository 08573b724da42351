"""The trace context: what is refused, what spans get, and that nothing of it stays behind."""

import asyncio
import contextvars
import json
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
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span

from agent_observability import context_policy
from agent_observability.langfuse_context import (
    ALLOWED_METADATA,
    LANGFUSE_BAGGAGE_KEYS,
    LANGFUSE_TAGS_BAGGAGE_KEY,
    ContextPolicy,
    InvalidTraceContextError,
    langfuse_trace_context,
)
from agent_observability.telemetry import LangfuseBaggageSpanProcessor

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
DROP = ContextPolicy(on_invalid="drop")

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
    before = context.get_current()
    yield
    assert context.get_current() == before
    assert not [each for each in caplog.records if each.name == "opentelemetry.context"]


def test_every_span_inside_gets_the_chapters_attributes() -> None:
    """Spans inside the block carry all of the context, spans outside none of it."""
    with turn():
        assert span() == ATTRIBUTES
    assert span() == {}


def test_the_context_is_in_the_baggage() -> None:
    """The chapter's contract: entries under LANGFUSE_BAGGAGE_KEYS, and the tags under theirs."""
    with turn(tags=["a,b", "c"]):
        entries = dict(baggage.get_all())
    assert json.loads(str(entries.pop(LANGFUSE_TAGS_BAGGAGE_KEY))) == ["a,b", "c"]
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


BAD: list[tuple[str, Any, str]] = [
    ("session_id", "", "session_id"),
    ("session_id", "x" * 201, "session_id"),
    ("session_id", "söme", "session_id"),
    ("session_id", "a b", "session_id"),
    ("session_id", None, "session_id"),
    ("session_id", b"conv", "session_id"),
    ("user_id", "jane@example.com", "user_id"),
    ("user_id", "ORDER-924", "user_id"),
    ("user_id", 7, "user_id"),
    ("user_id", ["u"], "user_id"),
    ("trace_name", "", "trace_name"),
    ("trace_name", "Where is my order?", "trace_name"),
    ("trace_name", "\ud800", "trace_name"),
    ("version", "x" * 201, "version"),
    ("version", {}, "version"),
    ("tags", "order-status", "tags"),
    ("tags", None, "tags"),
    ("tags", ["x"] * 21, "tags"),
    ("tags", [""], "tags"),
    ("tags", [{}], "tags"),
    ("tags", ["+49 30 901820"], "tags"),
    ("tags", {"a"}, "tags"),
    ("metadata", None, "metadata"),
    ("metadata", [("region", "eu")], "metadata"),
    ("metadata", {"query": "eu"}, "metadata"),
    ("metadata", {"region": "mars"}, "metadata region"),
    ("metadata", {"region": ["eu"]}, "metadata region"),
    ("metadata", {"region": None}, "metadata region"),
    ("metadata", {"tenant_tier": "ORDER-924"}, "metadata tenant_tier"),
]


@pytest.mark.parametrize(("field", "value", "named"), BAD)
def test_an_unfit_field_is_refused(field: str, value: Any, named: str) -> None:
    """Nothing is attached, and the error names the field."""
    with pytest.raises(InvalidTraceContextError, match=f"^{named} "), turn(**{field: value}):
        pytest.fail("The block should not be entered.")


@pytest.mark.parametrize(("field", "value", "named"), BAD)
def test_an_unfit_field_is_dropped(field: str, value: Any, named: str) -> None:
    """With `drop` the turn goes on, with every other field on its spans and in its baggage."""
    with turn(**{field: value}, policy=DROP):
        attributes, entries = span(), baggage.get_all()
    missing = {key for key in ATTRIBUTES if key not in attributes}
    expected = {
        "session_id": {"langfuse.session.id"},
        "user_id": {"langfuse.user.id"},
        "trace_name": {"langfuse.trace.name"},
        "version": {"langfuse.version"},
        "tags": {"langfuse.trace.tags"},
    }.get(named, {key for key in ATTRIBUTES if ".metadata." in key})
    assert missing == expected
    assert attributes.keys() <= ATTRIBUTES.keys()
    assert not [key for key in entries if key in missing]


def test_all_problems_are_in_one_error_without_a_value() -> None:
    """Every field that is wrong is named at once, and no value, nor an unknown key, is repeated."""
    with (
        pytest.raises(InvalidTraceContextError) as caught,
        turn(
            session_id="jane@example.com",
            user_id="ORDER-924",
            trace_name="Where is my parcel?",
            version="",
            tags=["+49 30 901820"],
            metadata={"jane@example.org": "x", "region": "Bearer abcdefghijklmnop"},
        ),
    ):
        pytest.fail("The block should not be entered.")
    message = str(caught.value)
    for field in ("session_id", "user_id", "trace_name", "version", "tags", "metadata region"):
        assert field in message
    for value in ("jane", "924", "parcel", "901820", "Bearer"):
        assert value not in message
    assert "eu, global, us" in message


def test_a_dropped_field_is_logged_once_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for many turns; the counter has each of them, by field."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("tests")
    monkeypatch.setattr(context_policy, "_dropped", meter.create_counter("dropped"))
    context_policy._warn_once.cache_clear()
    for number in range(3):
        with turn(user_id=f"jane{number}@example.com", policy=DROP):
            pass
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "user_id" in warnings[0]
    assert "jane" not in warnings[0]
    data = reader.get_metrics_data()
    assert data is not None
    [point] = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert dict(point.attributes or {}) == {"field": "user_id"}
    assert getattr(point, "value", None) == 3


def test_the_allow_list_is_extended_in_one_place() -> None:
    """A policy with one more key lets it travel; values outside its set are still refused."""
    policy = ContextPolicy(metadata={**ALLOWED_METADATA, "channel": frozenset({"web", "app"})})
    with turn(metadata={"channel": "web"}, policy=policy):
        assert span()["langfuse.trace.metadata.channel"] == "web"
    with pytest.raises(InvalidTraceContextError, match="metadata channel must be one of app, web"):
        turn(metadata={"channel": "fax"}, policy=policy).__enter__()


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


def test_the_active_span_is_stamped_too() -> None:
    """A server's span that began before the block gets the context; a nested one keeps its own."""
    enter = tracer.start_as_current_span
    with enter("server") as server, turn(), enter("run") as run, turn(session_id="inner"):
        pass
    assert isinstance(server, ReadableSpan)
    assert isinstance(run, ReadableSpan)
    assert server.attributes == ATTRIBUTES
    assert run.attributes == ATTRIBUTES


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
