"""What the agent's tests share: a folder of their own, and the spans of what they ran."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability.agent import services
from agent_observability.config import load_settings
from agent_observability.telemetry import LangfuseBaggageSpanProcessor


@pytest.fixture(name="folder")
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Run in an empty folder, with settings and services read anew."""
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    services._opened.cache_clear()
    yield tmp_path
    load_settings.cache_clear()
    services._opened.cache_clear()


@pytest.fixture(name="exporter")
def _exporter(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[InMemorySpanExporter]:
    """Collect finished spans, stamped as `configure_tracing()` would."""
    assert folder.exists()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(LangfuseBaggageSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("agent_observability")
    monkeypatch.setattr("agent_observability.instrumentation._tracer", tracer)
    yield exporter
    provider.shutdown()
