"""The shipped configuration, loaded and started by the real Collector."""

import subprocess
from pathlib import Path

import grpc
import pytest
from collector_process import Collector, running
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from otlp import request, span

from support.otlp_sinks import Sink


def test_the_configuration_is_valid(binary: Path, tmp_path: Path) -> None:
    """`validate` accepts the file, with nothing to say about it."""
    collector = Collector(binary, tmp_path, "http://127.0.0.1:9")
    found = subprocess.run(
        collector.command("validate"),
        env=collector.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("key", ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"])
def test_a_missing_key_is_named(binary: Path, tmp_path: Path, key: str) -> None:
    """The Collector warns and says which; compose and `make` do not even start it without."""
    collector = Collector(binary, tmp_path, "http://127.0.0.1:9")
    collector.environment = {k: v for k, v in collector.environment.items() if k != key}
    try:
        collector.start()
    finally:
        collector.stop()
    warnings = [line for line in collector.log().splitlines() if "\twarn\t" in line]
    assert len(warnings) == 1
    assert key in warnings[0]


def test_it_starts_and_stops_without_a_warning(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """Nothing deprecated, nothing unset: every line from start to stop is information."""
    with running(binary, tmp_path, sink.endpoint) as collector:
        assert collector.send(request([span()])) == 200
        sink.wait_for_spans(1)
        collector.stop()
        levels = {line.split("\t")[1] for line in collector.log().splitlines()}
    assert levels == {"info"}


def test_langfuse_is_addressed_as_it_asks(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """Basic auth with both keys, gzip, the path with /v1/traces once, ingestion version 4."""
    with running(binary, tmp_path, sink.endpoint) as collector:
        collector.send(request([span()]))
        sink.wait_for_spans(1)
    got = sink.requests[0]
    assert got[":path"] == "/api/public/otel/v1/traces"
    assert got["Authorization"] == "Basic cGstbGYtdGVzdDpzay1sZi10ZXN0"
    assert got["Content-Encoding"] == "gzip"
    assert got["Content-Type"] == "application/x-protobuf"
    assert got["X-Langfuse-Ingestion-Version"] == "4"


def test_spans_are_taken_over_grpc_too(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """OTLP's other transport ends in the same pipeline: guarded and delivered."""
    with (
        running(binary, tmp_path, sink.endpoint) as collector,
        grpc.insecure_channel(f"127.0.0.1:{collector.grpc}") as channel,
    ):
        TraceServiceStub(channel).Export(request([span("to ada@example.org")]), timeout=10)
        (arrived,) = sink.wait_for_spans(1).values()
    assert arrived.name == "to ****"
