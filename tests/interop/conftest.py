"""These tests run beside the real peers, in an environment of their own: `make interop`."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability.telemetry import configure_tracing

exporter = InMemorySpanExporter()


@pytest.fixture(scope="session", name="provider")
def _provider() -> TracerProvider:
    theirs = TracerProvider(shutdown_on_exit=False)
    theirs.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(theirs)
    return configure_tracing(threads=True)


@pytest.fixture(name="spans")
def _spans(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    assert provider is trace.get_tracer_provider()
    exporter.clear()
    yield exporter
    exporter.clear()
