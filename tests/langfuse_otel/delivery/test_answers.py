"""What an answer means: delivered is what an OTLP success says, and nothing else."""

import gzip
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.failures import delivering
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from langfuse_otel.delivery import Report, Spool, resend
from support.deliveries import counts, finished
from support.otlp_sinks import Answer, answering, sink, trickling

ROOT = Path(__file__).parents[3]
PROTOBUF = "Content-Type: application/x-protobuf\r\n"
JSON = "Content-Type: application/json; charset=utf-8\r\n"
PARTIAL = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="no")
).SerializeToString()
WARNING = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(error_message="deprecated")
).SerializeToString()
JOB = json.dumps({"name": "otel-ingestion-job", "data": {"id": "1"}, "opts": {}}).encode()

SUCCESSES = {
    "empty protobuf": (PROTOBUF, b""),
    "an unknown field of protobuf": (PROTOBUF, b"\x12\x03abc"),
    "a warning": (PROTOBUF, WARNING),
    "empty without a type": ("", b""),
    "empty JSON": (JSON, b"{}"),
    "JSON without a body": (JSON, b""),
    "JSON named protobuf": (PROTOBUF, b"{}"),
    "JSON without a type": ("", b'{"partialSuccess":{}}'),
    "a JSON warning": (JSON, b'{"partialSuccess":{"errorMessage":"deprecated"}}'),
    "none rejected": (JSON, b'{"partialSuccess":{"rejectedSpans":"0"}}'),
    "another spelling": ("content-type: APPLICATION/JSON ;charset=UTF-8\r\n", b"{}"),
    "gzip": (f"{PROTOBUF}Content-Encoding: gzip\r\n", gzip.compress(b"")),
    "Langfuse's job": (JSON, JOB),
}
PARTIALS = {
    "protobuf": (PROTOBUF, PARTIAL),
    "protobuf without a type": ("", PARTIAL),
    "protobuf in gzip": (f"{PROTOBUF}Content-Encoding: gzip\r\n", gzip.compress(PARTIAL)),
    "JSON": (JSON, b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}'),
    "a number in JSON": (JSON, b'{"partialSuccess":{"rejectedSpans":2}}'),
    "snake case": (JSON, b'{"partial_success":{"rejected_spans":2}}'),
}
NO_SUCCESSES = {
    "an error": (JSON, b'{"error":"no such project"}'),
    "an error named protobuf": (PROTOBUF, b'{"error":"no such project"}'),
    "an error without a type": ("", b'{"error":"no such project"}'),
    "a status": (JSON, b'{"code":3,"message":"bad"}'),
    "a list": (JSON, b"[]"),
    "null": (JSON, b"null"),
    "half JSON": (JSON, b'{"partialSuccess":'),
    "deep JSON": (JSON, b"[" * 100_000),
    "nonsense rejected": (JSON, b'{"partialSuccess":{"rejectedSpans":"many"}}'),
    "infinitely many rejected": (JSON, b'{"partialSuccess":{"rejectedSpans":1e999}}'),
    "text": ("Content-Type: text/plain\r\n", b"OK"),
    "no text": ("Content-Type: text/plain\r\n", b""),
    "text without a type": ("", b"OK"),
    "text that decodes as protobuf": ("", b"\x12\x03abc"),
    "HTML": ("Content-Type: text/html\r\n", b"<html></html>"),
    "HTML in capitals": ("CONTENT-TYPE: TEXT/HTML; CHARSET=UTF-8\r\n", b"<HTML></HTML>"),
    "XHTML": ("Content-Type: application/xhtml+xml\r\n", b"<html/>"),
    "HTML without a type": ("", b"\n<!doctype html><html></html>"),
    "HTML named protobuf": (PROTOBUF, b"<html></html>"),
    "HTML named JSON": (JSON, b"<html></html>"),
    "no gzip": (f"{PROTOBUF}Content-Encoding: gzip\r\n", b"\x0a\x00no"),
    "an encoding nobody asked for": (f"{PROTOBUF}Content-Encoding: br\r\n", b"\x3b"),
    "2 MiB": (PROTOBUF, bytes(2 * 2**20)),
    "a bomb": (f"{PROTOBUF}Content-Encoding: gzip\r\n", gzip.compress(bytes(50 * 2**20))),
}


def report(reply: Answer, *, ended: int = 5, timeout: float = 5) -> Report:
    """What is said after so many spans have been answered so."""
    with sink(reply) as receiver:
        provider, delivery = delivering(receiver.endpoint, (), seconds=5, timeout=timeout)
        tracer = provider.get_tracer("tests")
        for _ in range(ended):
            tracer.start_span("span").end()
        provider.shutdown()
        return delivery.report()


@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_is_delivered(name: str) -> None:
    """200 with OTLP's answer in either encoding, or with Langfuse's, which is none of it."""
    headers, body = SUCCESSES[name]
    assert counts(report(answering("200 OK", headers, body))) == {"delivered": 5}


@pytest.mark.parametrize("name", PARTIALS)
def test_a_partial_success_is_counted(name: str) -> None:
    """What it rejects has failed, in either encoding, and the address is not what is wrong."""
    headers, body = PARTIALS[name]
    said = report(answering("200 OK", headers, body))
    assert counts(said) == {"delivered": 3, "failed": 2}
    assert "it rejected 2 spans" in str(said)
    assert "receiver's log" in str(said)
    assert "/v1/traces of" not in str(said)


@pytest.mark.parametrize("name", NO_SUCCESSES)
def test_what_is_no_success_is_not_delivered(name: str) -> None:
    """Whatever is not OTLP comes from something else, and is said to."""
    headers, body = NO_SUCCESSES[name]
    said = report(answering("200 OK", headers, body))
    assert counts(said) == {"failed": 5}
    assert "is no OTLP receiver" in said.problem


@pytest.mark.parametrize("name", [*PARTIALS, *NO_SUCCESSES])
def test_a_file_stays_after_what_is_no_success(name: str, tmp_path: Path) -> None:
    """Resending takes the same answers for what they are: some spans rejected, all stay."""
    headers, body = {**PARTIALS, **NO_SUCCESSES}[name]
    spool = Spool(tmp_path, max_bytes=2**20)
    spool.keep(finished(3))
    with sink(answering("200 OK", headers, body)) as receiver:
        sent, left, cause = resend(spool, endpoint=receiver.endpoint, timeout_seconds=2)
    assert (sent, left) == (0, 3)
    assert cause


@pytest.mark.parametrize("status", ["201 Created", "202 Accepted", "204 No Content"])
def test_another_success_of_http_is_unconfirmed(status: str, tmp_path: Path) -> None:
    """OTLP's success is 200: whoever says something else may have the spans, or not."""
    said = report(answering(status))
    assert counts(said) == {"unconfirmed": 5}
    assert f"it answered {status}" in str(said)
    assert "whether it has them" in str(said)
    spool = Spool(tmp_path, max_bytes=2**20)
    spool.keep(finished(3))
    with sink(answering(status)) as receiver:
        assert resend(spool, endpoint=receiver.endpoint, timeout_seconds=2)[:2] == (0, 3)


def test_the_rejections_of_all_batches_are_in_the_message() -> None:
    """Four batches, each with two rejected spans: it rejected eight."""
    with sink(answering("200 OK", PROTOBUF, PARTIAL)) as receiver:
        provider, delivery = delivering(receiver.endpoint, (2048, 60_000, 10), seconds=5)
        tracer = provider.get_tracer("tests")
        for _ in range(40):
            tracer.start_span("span").end()
        provider.shutdown()
        said = delivery.report()
    assert counts(said) == {"delivered": 32, "failed": 8}
    assert said.problem == "it rejected 8 spans"


def test_more_rejected_than_sent_is_all() -> None:
    """A receiver that counts something else cannot make a count negative."""
    body = b'{"partialSuccess":{"rejectedSpans":"99"}}'
    assert counts(report(answering("200 OK", JSON, body))) == {"failed": 5}
    body = b'{"partialSuccess":{"rejectedSpans":"-99"}}'
    assert counts(report(answering("200 OK", JSON, body))) == {"delivered": 5}


def test_what_a_server_says_of_its_status_is_not_printed() -> None:
    """A reason phrase may hold anything; the code's own name stands in its place."""
    said = report(answering("400 \x1b[31mred"))
    assert said.problem == "it answered 400 Bad Request"


HEAD = "HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "a body": trickling(f"{HEAD}{PROTOBUF}Content-Length: 1000\r\n\r\n"),
    "a body without a length": trickling(f"{HEAD}\r\n"),
    "chunks": trickling(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk's length": trickling(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "a header": trickling(f"{HEAD}X: "),
    "headers": trickling(HEAD, b"X: y\r\n"),
    "a status line": trickling("HTTP/1.1 200 "),
    "continuations": trickling("", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "nothing": trickling("", b""),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_timeout_bounds_a_batch(name: str) -> None:
    """However an answer trickles, a batch takes its timeout and not more, and the next goes on."""
    with sink(ENDLESS[name]) as receiver:
        provider, delivery = delivering(
            receiver.endpoint, (2048, 60_000, 5), seconds=0.1, timeout=0.5
        )
        tracer = provider.get_tracer("tests")
        for _ in range(10):
            tracer.start_span("span").end()
        began = time.monotonic()
        assert not provider.force_flush()
        assert 0.9 < time.monotonic() - began < 1.5
        assert counts(delivery.report()) == {"unconfirmed": 10}
        assert "it did not answer in time" in str(delivery.report())
        provider.shutdown()


@pytest.mark.parametrize("name", ENDLESS)
def test_the_timeout_bounds_a_file(name: str, tmp_path: Path) -> None:
    """The same of resending; and after a file without an answer no other is tried."""
    spool = Spool(tmp_path, max_bytes=2**20)
    spool.keep(finished(3))
    spool.keep(finished(3))
    with sink(ENDLESS[name]) as receiver:
        began = time.monotonic()
        sent, left, cause = resend(spool, endpoint=receiver.endpoint, timeout_seconds=0.5)
    assert time.monotonic() - began < 1.2
    assert (sent, left) == (0, 6)
    assert cause == "it did not answer in time"


@pytest.mark.parametrize("head", ["Content-Length: 99", "Transfer-Encoding: chunked"])
def test_half_an_answer_is_none(head: str) -> None:
    """A success that is cut off may have said anything."""

    def cut(_sink: object, client: socket.socket, _body: bytes) -> None:
        client.sendall(f"{HEAD}{JSON}{head}\r\n\r\n{{}}".encode())
        raise OSError

    said = report(cut, timeout=0.5)
    assert counts(said) == {"unconfirmed": 5}
    assert said.problem == "the connection was cut"


def test_an_error_that_trickles_is_an_error_at_once() -> None:
    """What its status says is enough."""
    began = time.monotonic()
    said = report(trickling("HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n"))
    assert time.monotonic() - began < 1
    assert counts(said) == {"failed": 5}
    assert "401 Unauthorized" in said.problem


MEMORY = """
import resource, sys
from benchmarks.failures import delivering
provider, delivery = delivering(sys.argv[1], (), seconds=4, timeout=3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
provider.get_tracer("t").start_span("span").end()
provider.shutdown()
assert delivery.report().delivered == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
FLOODS = {
    "without end": trickling("HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0.0),
    "chunks without end": trickling(
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n%s\r\n" % (b"x" * 65536), 0.0
    ),
    "a bomb": answering(
        "200 OK", f"{PROTOBUF}Content-Encoding: gzip\r\n", gzip.compress(bytes(512 * 2**20), 1)
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_an_answer_does_not_fill_the_memory(name: str) -> None:
    """However long an answer is, a process grows by a few MiB."""
    with sink(FLOODS[name]) as receiver:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, receiver.endpoint],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{ROOT}"},
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert int(done.stdout) < 24 * 1024
