"""These tests run beside the real peers, in an environment of their own: `make interop`."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_observability.telemetry import configure_tracing

ROOT = Path(__file__).parents[2]
exporter = InMemorySpanExporter()


@pytest.fixture(scope="session", name="backend")
def _backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The local backend, in the project's own environment; its address."""
    web, otlp = _free_port(), _free_port()
    addresses = {
        "LANGFUSE_BASE_URL": f"http://127.0.0.1:{web}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{otlp}/v1/traces",
    }
    with subprocess.Popen(
        [ROOT / ".venv/bin/python", "-m", "langfuse_local", "serve"],
        cwd=tmp_path_factory.mktemp("backend"),
        env={**os.environ, **addresses, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("backend")
        os.environ |= addresses
        yield addresses["LANGFUSE_BASE_URL"]
        process.terminate()


@pytest.fixture(scope="session", name="provider")
def _provider(backend: str) -> TracerProvider:
    assert backend
    provider = configure_tracing()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    ThreadingInstrumentor().instrument()
    return provider


@pytest.fixture(name="spans")
def _spans(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    assert provider is trace.get_tracer_provider()
    exporter.clear()
    yield exporter
    exporter.clear()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
