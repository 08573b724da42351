"""The assertions that services copy: each fails when it should, without repeating a value."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langfuse_otel.testing import assert_carry_context, assert_nothing_private, span_tree

BOTH = {"langfuse.session.id": "conv_1", "langfuse.user.id": "usr_1"}


@pytest.fixture(name="exporter")
def _exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(name="tracer")
def _tracer(exporter: InMemorySpanExporter) -> trace.Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("tests")


def test_a_tree_is_a_literal(tracer: trace.Tracer, exporter: InMemorySpanExporter) -> None:
    """Children are in order of their start, and a span with a remote parent is a root."""
    with tracer.start_as_current_span("turn"):
        for name in ("look up", "answer"):
            with tracer.start_as_current_span(name), tracer.start_as_current_span(f"{name} inner"):
                pass
    assert span_tree(exporter.get_finished_spans()) == [
        ("turn", [("look up", [("look up inner", [])]), ("answer", [("answer inner", [])])])
    ]


def test_every_span_needs_session_and_user(
    tracer: trace.Tracer, exporter: InMemorySpanExporter
) -> None:
    """One span without them, or no span at all, fails; the message names the span."""
    with pytest.raises(AssertionError, match="No span"):
        assert_carry_context(exporter.get_finished_spans(), session_id="conv_1", user_id="usr_1")
    with tracer.start_as_current_span("turn", attributes=BOTH):
        pass
    assert_carry_context(exporter.get_finished_spans(), session_id="conv_1", user_id="usr_1")
    with tracer.start_as_current_span("stray", attributes={**BOTH, "langfuse.user.id": "usr_2"}):
        pass
    with pytest.raises(AssertionError, match=r"Without the session and the user: stray\.$"):
        assert_carry_context(exporter.get_finished_spans(), session_id="conv_1", user_id="usr_1")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("langfuse.user.id", "jane@example.com"),
        ("langfuse.trace.tags", ["support", "jane@example.com"]),
        ("langfuse.trace.metadata.region", "jane@example.com"),
    ],
)
def test_a_private_value_is_found_and_not_repeated(
    tracer: trace.Tracer, exporter: InMemorySpanExporter, key: str, value: str | list[str]
) -> None:
    """In an id, a tag or metadata; what a span records of its own may hold more."""
    attributes = {**BOTH, "langfuse.observation.input": "I am jane@example.com"}
    with tracer.start_as_current_span("turn", attributes=attributes):
        pass
    assert_nothing_private(exporter.get_finished_spans())
    with tracer.start_as_current_span("bad", attributes={**BOTH, key: value}):
        pass
    with pytest.raises(AssertionError, match="of bad looks like an e-mail address") as caught:
        assert_nothing_private(exporter.get_finished_spans())
    assert "jane" not in str(caught.value)
