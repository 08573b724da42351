"""OpenTelemetry's own exporters deliver to both endpoints, in both encodings."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from conftest import KEYS

if TYPE_CHECKING:
    from conftest import Backend

_SCRIPT = Path(__file__).with_name("export.mjs")
_TOOLS = Path(__file__).parents[2] / ".tools" / "clients"
_HEADERS = {"Authorization": f"Basic {b64encode(':'.join(KEYS).encode()).decode()}"}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("endpoint", ["collector", "langfuse"])
def test_python_exports(
    backend: Backend, endpoint: str, compression: Compression, caplog: pytest.LogCaptureFixture
) -> None:
    """The Python exporter delivers protobuf, with and without gzip, and finds nothing to log."""
    session = f"python-{endpoint}-{compression.value}"
    provider = TracerProvider()
    exporter = OTLPSpanExporter(_url(backend, endpoint), headers=_HEADERS, compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    attributes = {"langfuse.session.id": session, "langfuse.trace.tags": ["a", "b,c"]}
    provider.get_tracer("clients").start_span("work", attributes=attributes).end()
    assert provider.force_flush()
    provider.shutdown()
    assert caplog.messages == []
    (row,) = backend.rows(f"sessionId={session}&fields=core,basic,trace_context")
    assert (row["name"], row["tags"]) == ("work", ["a", "b,c"])


@pytest.mark.parametrize("encoding", ["http", "proto"])
@pytest.mark.parametrize("endpoint", ["collector", "langfuse"])
def test_javascript_exports(backend: Backend, endpoint: str, encoding: str) -> None:
    """The JavaScript exporters deliver JSON (http) and protobuf (proto)."""
    session = f"javascript-{endpoint}-{encoding}"
    arguments = [encoding, _url(backend, endpoint), session, _HEADERS["Authorization"]]
    subprocess.run(  # As standard input, for its imports are looked up in the working directory.
        ["node", "--input-type=module", "-", *arguments],
        cwd=_TOOLS,
        env=backend.environment,
        input=_SCRIPT.read_bytes(),
        check=True,
        timeout=60,
    )
    rows = backend.rows(f"sessionId={session}&fields=core,basic,trace_context")
    assert {row["name"] for row in rows} == {"turn", "work"}
    assert {tuple(row["tags"]) for row in rows} == {("a", "b,c")}
    assert [row["isRootObservation"] for row in rows].count(True) == 1


def _url(backend: Backend, endpoint: str) -> str:
    if endpoint == "collector":
        return backend.traces
    return f"{backend.web}/api/public/otel/v1/traces"
