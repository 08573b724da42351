"""Both OTLP endpoints: whole or not at all, on disk before 200, and unharmed by bad requests."""

from __future__ import annotations

import base64
import gzip
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from wire import JSON, KEYS, PROTOBUF, Backend, ask, free_port, request_of, span

from langfuse_local.receiver import body

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

OTEL_PATH = "/api/public/otel/v1/traces"


def endpoints(backend: Backend) -> tuple[str, str]:
    """The Collector's endpoint and Langfuse's."""
    return backend.otlp, backend.web + OTEL_PATH


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("place", range(2), ids=["collector", "langfuse"])
def test_takes_spans_from_the_sdk(
    backend: Backend, place: int, compression: Compression, caplog: pytest.LogCaptureFixture
) -> None:
    """What OpenTelemetry's own exporter sends is stored, and it has nothing to say of the answer."""
    provider = TracerProvider()
    keys = base64.b64encode(KEYS.encode()).decode()
    exporter = OTLPSpanExporter(
        endpoints(backend)[place],
        headers={"Authorization": f"Basic {keys}"},
        compression=compression,
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("parent") as parent:
        parent.set_attribute("langfuse.session.id", "talk")
        provider.get_tracer("test").start_span("child").end()
    provider.shutdown()
    assert caplog.messages == []
    assert {row["name"] for row in backend.rows()} == {"parent", "child"}
    assert [row["name"] for row in backend.rows("?sessionId=talk")] == ["parent"]


def test_takes_json_plain_and_gzip(backend: Backend) -> None:
    """OTLP/JSON is accepted by both endpoints, compressed or not."""
    for number, url in enumerate(endpoints(backend)):
        plain = request_of(span(spanId=f"{number:015x}a"))
        packed = gzip.compress(request_of(span(spanId=f"{number:015x}b")))
        assert ask(url, plain, content_type=JSON).status == 200
        assert ask(url, packed, content_type=JSON, content_encoding="gzip").status == 200
    assert len(backend.rows()) == 4


def test_answers_in_the_type_of_the_request(backend: Backend) -> None:
    """The OTLP endpoint answers protobuf to protobuf and JSON to JSON, as specified."""
    answer = ask(backend.otlp, b"", content_type=PROTOBUF)
    assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.body) == ExportTraceServiceResponse()
    answer = ask(backend.otlp, request_of(), content_type=f"{JSON}; charset=utf-8")
    assert (answer.status, answer.headers["content-type"], answer.json) == (200, JSON, {})


@pytest.mark.parametrize(
    ("content", "content_type", "encoding"),
    [
        (b"\xff\xfe garbage", PROTOBUF, ""),
        (b"{not json", JSON, ""),
        (request_of(span(traceId="")), JSON, ""),
        (b"not gzip", PROTOBUF, "gzip"),
        (gzip.compress(request_of(span()))[:-10], JSON, "gzip"),
        (b"\x0f\x02\x80{}\x03", JSON, "br"),
    ],
    ids=["protobuf", "json", "no id", "no gzip", "cut gzip", "other encoding"],
)
def test_refuses_garbage_and_goes_on(
    backend: Backend, content: bytes, content_type: str, encoding: str
) -> None:
    """A body that makes no sense is a 400 with the reason, and the next request is stored."""
    for url in endpoints(backend):
        answer = ask(url, content, content_type=content_type, content_encoding=encoding)
        assert answer.status == 400
    refusal = ask(backend.otlp, content, content_type=content_type, content_encoding=encoding)
    assert refusal.headers["content-type"] == content_type
    if content_type == JSON:
        assert refusal.json["message"]
    else:
        assert Status.FromString(refusal.body).message
    assert ask(backend.otlp, request_of(span()), content_type=JSON).status == 200
    assert len(backend.rows()) == 1


@pytest.mark.parametrize("changes", [{"traceId": "12"}, {"spanId": "zz"}], ids=str)
def test_refuses_on_the_collectors_port_what_is_no_otlp_id(
    backend: Backend, changes: dict[str, str]
) -> None:
    """Short ids and such as are no hex are a 400 there: the specification is strict."""
    refusal = ask(backend.otlp, request_of(span(), span(**changes)), content_type=JSON)
    assert refusal.status == 400
    assert refusal.json["message"]
    assert backend.rows() == []


def test_stores_a_request_whole_or_not_at_all(backend: Backend) -> None:
    """One bad span among good ones: nothing of the request is stored."""
    mixed = request_of(span(), span(spanId="00f067aa0ba902b7", traceId=""))
    for url in endpoints(backend):
        assert ask(url, mixed, content_type=JSON).status == 400
    assert backend.rows() == []


def test_counts_a_request_once_however_often_it_comes(backend: Backend) -> None:
    """A retry after a lost answer makes no second observation."""
    for url in (*endpoints(backend), backend.otlp):
        assert ask(url, request_of(span()), content_type=JSON).status == 200
    assert len(backend.rows()) == 1


def test_refuses_other_content_types(backend: Backend) -> None:
    """Text is 415 to OTLP, and the recorded 400 to Langfuse's endpoint."""
    assert ask(backend.otlp, b"hello", content_type="text/plain").status == 415
    answer = ask(backend.web + OTEL_PATH, b'{"x": 1}', content_type="text/plain")
    assert (answer.status, answer.json) == (400, {"error": "Invalid content type"})


def test_bounds_a_body_before_and_after_inflation(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the documented size is 413, also when it only shows after inflation."""
    monkeypatch.setattr(body, "MAX_BYTES", 100_000)
    bomb = gzip.compress(b" " * 100_001)
    for url in endpoints(backend):
        assert ask(url, b" " * 100_001, content_type=JSON).status == 413
        assert ask(url, bomb, content_type=JSON, content_encoding="gzip").status == 413
        assert ask(url, request_of(span()), content_type=JSON).status == 200


def test_asks_for_keys_on_langfuses_port_alone(backend: Backend) -> None:
    """The Collector's endpoint is open, Langfuse's is not."""
    assert ask(backend.otlp, request_of(), keys=None, content_type=JSON).status == 200
    refused = ask(backend.web + OTEL_PATH, request_of(), keys="pk-lf-demo:wrong", content_type=JSON)
    assert refused.status == 401
    assert ask(backend.web + OTEL_PATH, request_of(), keys=None, content_type=JSON).status == 401


def test_has_on_disk_what_it_answered_200(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> None:
    """`kill -9` right after a 200 loses nothing."""
    otlp = f"http://127.0.0.1:{free_port()}/v1/traces"
    monkeypatch.setenv("LANGFUSE_BASE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", otlp)
    monkeypatch.setenv("LANGFUSE_LOCAL_DATA_DIR", str(tmp_path))
    command = [sys.executable, "-m", "langfuse_local", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it listens once it says so
        spans = [span(spanId=f"{number:016x}") for number in range(1, 101)]
        status = ask(otlp, request_of(*spans), content_type=JSON).status
        process.kill()
    assert status == 200
    with running(tmp_path) as backend:
        assert len(backend.rows("?limit=1000")) == 100


def test_keeps_data_over_a_restart(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Backend]]
) -> None:
    """Traces of an earlier run are there, and new ones join them."""
    for number in (1, 2):
        with running(tmp_path) as backend:
            content = request_of(span(spanId=f"{number:016x}"))
            assert ask(backend.otlp, content, content_type=JSON).status == 200
            assert len(backend.rows()) == number


def test_says_when_it_cannot_store(backend: Backend) -> None:
    """A failing database is 503, which senders retry, and nothing is acknowledged."""
    backend.store._writer.connection.execute("PRAGMA query_only = ON")
    for url in endpoints(backend):
        assert ask(url, request_of(span()), content_type=JSON).status == 503
    backend.store._writer.connection.execute("PRAGMA query_only = OFF")
    assert ask(backend.otlp, request_of(span()), content_type=JSON).status == 200
