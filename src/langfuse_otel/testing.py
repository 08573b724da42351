"""Assertions on the spans of a service, for its own tests. Needs pytest.

Write `pytest_plugins = ["langfuse_otel.testing"]` into a `conftest.py` to have the fixture.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from .privacy import looks_like

__all__ = [
    "Tree",
    "assert_carry_context",
    "assert_nothing_private",
    "recorded_spans",
    "span_tree",
]

Tree = tuple[str, list["Tree"]]
"""A span's name, and the trees of its children in order of their start."""

_IDS: Final = ("langfuse.session.id", "langfuse.user.id")
_PROPAGATED: Final = ("langfuse.session.", "langfuse.user.", "langfuse.trace.", "langfuse.version")


@pytest.fixture
def recorded_spans(_span_exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    """Record the spans that the global provider ends during the test.

    Let the service configure its provider on import; without any, one is installed.
    `recorded_spans.get_finished_spans()` returns the spans, `recorded_spans.clear()` forgets them.
    """
    _span_exporter.clear()
    yield _span_exporter
    _span_exporter.clear()


@pytest.fixture(scope="session")
def _span_exporter() -> InMemorySpanExporter:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def span_tree(spans: Sequence[ReadableSpan]) -> list[Tree]:
    """Nest the spans by their parents; one whose parent is not among them is a root."""
    ids = {span.context.span_id for span in spans if span.context}
    roots = [span for span in spans if span.parent is None or span.parent.span_id not in ids]
    return [_tree(root, spans) for root in _by_start(roots)]


def assert_carry_context(spans: Sequence[ReadableSpan], *, session_id: str, user_id: str) -> None:
    """Assert that there are spans, and that each carries this session and user."""
    assert spans, "No span was recorded."  # noqa: S101 - an assertion is what this is for
    wrong = [
        span.name
        for span in spans
        if [(span.attributes or {}).get(key) for key in _IDS] != [session_id, user_id]
    ]
    assert not wrong, f"Without the session and the user: {', '.join(wrong)}."  # noqa: S101 - as above


def assert_nothing_private(spans: Sequence[ReadableSpan]) -> None:
    """Assert that no propagated attribute holds a value that must not travel on spans."""
    assert spans, "No span was recorded."  # noqa: S101 - as above
    for span in spans:
        for key, value in (span.attributes or {}).items():
            if not key.startswith(_PROPAGATED):
                continue
            texts = [value] if isinstance(value, str) else list(value)  # type: ignore[arg-type] # tags
            likeness = next(filter(None, map(looks_like, map(str, texts))), None)
            # The value is not repeated: a test's output is kept.
            assert likeness is None, f"{key} of {span.name} looks like {likeness}."  # noqa: S101 - as above


def _tree(span: ReadableSpan, spans: Sequence[ReadableSpan]) -> Tree:
    children = [
        child
        for child in spans
        if child.parent and span.context and child.parent.span_id == span.context.span_id
    ]
    return (span.name, [_tree(child, spans) for child in _by_start(children)])


def _by_start(spans: Sequence[ReadableSpan]) -> Sequence[ReadableSpan]:
    return sorted(spans, key=lambda span: span.start_time or 0)
