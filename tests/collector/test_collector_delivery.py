"""What the Collector has answered 200 to reaches the backend, whatever happens in between."""

import socket
from pathlib import Path

import pytest
from collector_process import QUICKLY, Collector, running, wait_until
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp import request, span

from support.otlp_sinks import Answer, Sink, accepting, answering, slow


def _turn(number: int) -> list[Span]:
    context = {
        "langfuse.session.id": f"conv_{number}",
        "langfuse.trace.tags": ["order-status", "a,b"],
        "langfuse.observation.input": f"Where is my parcel {number}? " * 20,
    }
    names = ("invoke_agent", "authorize", "get_order", "chat")
    return [span(name, context, events=[("note", {"number": number})]) for name in names]


def _send(collector: Collector, turns: int) -> dict[bytes, Span]:
    """Send turns one request each; return what was promised, by span id."""
    promised = {}
    for number in range(turns):
        spans = _turn(number)
        assert collector.send(request(spans)) == 200
        promised.update({each.span_id: each for each in spans})
    return promised


@pytest.fixture
def absent(sink: Sink) -> Sink:
    """Return a backend that is not there until `up()`."""
    sink.down()
    return sink


def test_spans_outlive_the_backend_and_a_crash(binary: Path, tmp_path: Path, absent: Sink) -> None:
    """Backend down for the whole run, the Collector killed with spans queued: all arrive."""
    with running(binary, tmp_path, absent.endpoint) as collector:
        promised = _send(collector, 50)
        collector.kill()
        collector.start()
        promised |= _send(collector, 50)
        absent.up()
        assert absent.wait_for_spans(len(promised)) == promised


def test_spans_outlive_a_crash_in_the_middle_of_sending(
    binary: Path, tmp_path: Path, sink: Sink
) -> None:
    """Killed while requests are under way: what was not answered is sent again."""
    with running(binary, tmp_path, sink.endpoint) as collector:
        sink.answer = slow(60)
        promised = _send(collector, 150)
        sink.wait_for_requests(1)
        collector.kill()
        sink.answer = accepting
        collector.start()
        assert sink.wait_for_spans(len(promised)) == promised


def test_spans_outlive_a_stop(binary: Path, tmp_path: Path, absent: Sink) -> None:
    """A stop in good order does not wait for the backend, and keeps what is queued."""
    with running(binary, tmp_path, absent.endpoint) as collector:
        promised = _send(collector, 20)
        collector.stop()
        absent.up()
        collector.start()
        assert absent.wait_for_spans(len(promised)) == promised


TROUBLE = {
    "503": answering("503 Service Unavailable"),
    "503 with Retry-After": answering("503 Service Unavailable", "Retry-After: 1\r\n"),
    "429": answering("429 Too Many Requests"),
    "429 with Retry-After": answering("429 Too Many Requests", "Retry-After: 1\r\n"),
    "502": answering("502 Bad Gateway"),
    "504": answering("504 Gateway Timeout"),
    "hanging": slow(60),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_a_backend_in_trouble_loses_nothing(
    binary: Path, tmp_path: Path, sink: Sink, trouble: Answer
) -> None:
    """Retried until the backend takes it; nothing is counted as lost."""
    sink.answer = trouble
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        promised = _send(collector, 20)
        sink.wait_for_requests(2)
        sink.answer = accepting
        assert sink.wait_for_spans(len(promised)) == promised
        wait_until(lambda: collector.counts().sent == len(promised), "All are counted as sent")
        assert collector.counts().dropped == 0


def test_a_slow_backend_loses_nothing(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """An answer that takes a second is waited for: no span is sent twice."""
    sink.answer = slow(1)
    with running(binary, tmp_path, sink.endpoint) as collector:
        promised = _send(collector, 20)
        assert sink.wait_for_spans(len(promised)) == promised
        assert len(sink.resource_spans) == 20


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500])
def test_a_refusal_is_not_the_end(binary: Path, tmp_path: Path, sink: Sink, status: int) -> None:
    """OTLP makes these answers final; a store that is away or a wrong key should not be.

    What was refused arrives when the cause is gone, without a restart. The relay's log has what
    Langfuse answered, and no key.
    """
    sink.answer = answering(f"{status} Refused")
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        promised = _send(collector, 3)
        sink.wait_for_requests(2)
        counted = collector.counts()
        assert (counted.sent, counted.dropped, counted.given_up) == (0, 0, 0)
        assert f'"X-Langfuse-Status":["{status}"]' in collector.relay_log()
        assert "cGstbGYtdGVzdDpzay1sZi10ZXN0" not in collector.relay_log()
        sink.answer = accepting
        assert sink.wait_for_spans(len(promised)) == promised
        wait_until(lambda: collector.counts().sent == len(promised), "All are counted as sent")
        assert collector.counts().dropped == 0


def _refusing_poison(sink: Sink, client: socket.socket, body: bytes) -> None:
    answer = answering("500 Refused") if b"poison" in body else accepting
    answer(sink, client, body)


def test_a_batch_that_is_never_taken_blocks_nobody(
    binary: Path, tmp_path: Path, sink: Sink
) -> None:
    """What comes after it arrives while it is offered again and again."""
    sink.answer = _refusing_poison
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        assert collector.send(request([span("poison", {})])) == 200
        sink.wait_for_requests(2)
        promised = _send(collector, 20)
        assert sink.wait_for_spans(len(promised)) == promised


def test_what_is_refused_for_too_long_is_put_aside(
    binary: Path, tmp_path: Path, sink: Sink
) -> None:
    """Given up after a bounded time: counted, in a file as OTLP, and no longer offered.

    The file is the request as it was, without what the queue added, and survives a restart.
    """
    sink.answer = answering("500 Refused")
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        collector.environment = {**collector.environment, "OTELCOL_GIVE_UP_AFTER": "2s"}
        collector.stop()
        collector.start()
        promised = _send(collector, 3)
        wait_until(lambda: collector.counts().given_up == len(promised), "All are given up")
        assert collector.counts().waiting == 0
        collector.stop()
        collector.start()
        lines = (collector.storage / "given-up" / "spans.jsonl").read_text().splitlines()
        sink.answer = accepting
        for line in lines:
            assert collector.post(line.encode(), "application/json") == 200
        assert sink.wait_for_spans(len(promised)) == promised
        assert b"collector.taken" not in b"".join(
            each.SerializeToString() for each in sink.resource_spans
        )
