"""Delivery over real sockets: counts that are true and a shutdown that ends, whatever happens."""

import time

import pytest
from benchmarks.failures import delivering, run

from support.deliveries import counts
from support.otlp_sinks import MODES, sink

SHUTDOWN_SECONDS = 0.5
COUNT = {
    "accepts": "delivered",
    "slow": "delivered",
    "black hole": "unconfirmed",
    "hangs": "unconfirmed",
    "resets mid-body": "unconfirmed",
    "trickles": "unconfirmed",
    "204": "unconfirmed",
}
CAUSE = {
    "accepts": "",
    "slow": "",
    "refuses": "nothing is listening",
    "black hole": "in time",
    "hangs": "in time",
    "trickles": "in time",
    "resets mid-body": "connection was cut",
    "503": "503 Service Unavailable",
    "429": "429 Too Many Requests",
    "400": "400 Bad Request",
    "401": "401 Unauthorized",
    "redirects": "307 Temporary Redirect",
    "answers HTML": "an HTML page",
    "rejects in a partial success": "rejected 10 spans",
    "answers text": "some other text",
    "answers an error in JSON": "JSON of another kind",
    "answers without end": "more than 1 MiB",
    "204": "204 No Content",
}
FIX = {
    "refuses": "make backend",
    "503": "Run it again later",
    "429": "Run it again later",
    "400": "receiver's log",
    "401": "OTEL_EXPORTER_OTLP_HEADERS",
    "redirects": "should end in /v1/traces",
    "answers HTML": "should end in /v1/traces",
    "hangs": "TELEMETRY_SHUTDOWN_TIMEOUT_SECONDS",
    "204": "whether it has them",
}
REFUSED_AT_ONCE = {
    "400",
    "401",
    "redirects",
    "answers HTML",
    "answers text",
    "answers an error in JSON",
    "answers without end",
    "rejects in a partial success",
}


@pytest.mark.parametrize("mode", MODES)
def test_ten_spans(mode: str) -> None:
    """Every span is in the right count, the receiver agrees, and the time is kept."""
    cell = run(mode, 10, shutdown_seconds=SHUTDOWN_SECONDS)
    assert counts(cell.report) == {COUNT.get(mode, "failed"): 10}
    assert cell.stored == cell.report.delivered
    assert cell.seconds < SHUTDOWN_SECONDS + 1
    assert CAUSE[mode] in cell.report.problem
    assert FIX.get(mode, "") in str(cell.report)
    assert "\n" not in str(cell.report)


@pytest.mark.parametrize("mode", ["refuses", "hangs", "resets mid-body", "400", "accepts"])
def test_several_batches(mode: str) -> None:
    """Each of 2,000 spans is counted once, and what was never sent is dropped, not failed."""
    check_two_thousand(mode)


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_several_batches_in_every_mode(mode: str) -> None:
    """The same for all modes, with the demo's own time to shut down."""
    check_two_thousand(mode, shutdown_seconds=2.5)


def check_two_thousand(mode: str, *, shutdown_seconds: float = SHUTDOWN_SECONDS) -> None:
    """Run 2,000 spans against the mode."""
    cell = run(mode, 2000, shutdown_seconds=shutdown_seconds)
    report = cell.report
    assert sum(counts(report).values()) == 2000
    assert cell.seconds < shutdown_seconds + 1
    assert report.evicted == 0
    assert cell.stored == report.delivered
    if mode in REFUSED_AT_ONCE:
        assert counts(report) == {"failed": 2000}
    elif mode == "204":
        assert counts(report) == {"unconfirmed": 2000}
    elif mode in {"accepts", "slow"} and shutdown_seconds > 1:
        assert counts(report) == {"delivered": 2000}
    elif mode != "accepts":
        assert report.dropped + report.delivered + report.failed + report.unconfirmed == 2000
        assert report.dropped > 0


def test_a_full_queue_is_counted_exactly() -> None:
    """What the SDK evicts is what the receiver never saw, and the line says how to avoid it."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(
            receiver.endpoint,
            (
                64,
                60_000,
                64,
            ),
            seconds=5,
        )
        tracer = provider.get_tracer("tests")
        for _ in range(5000):
            tracer.start_span("span").end()
        provider.shutdown()
        report = delivery.report()
        assert report.delivered == len(set(receiver.span_ids))
        assert report.delivered + report.dropped == 5000
        assert report.evicted == report.dropped > 0
        assert "the queue was full" in str(report)
        assert "OTEL_BSP_MAX_QUEUE_SIZE" in str(report)


def test_spans_after_the_shutdown_are_dropped_and_counted() -> None:
    """Nothing that ends later is silently lost."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, ())
        tracer = provider.get_tracer("tests")
        tracer.start_span("in time").end()
        provider.shutdown()
        tracer.start_span("too late").end()
        assert counts(delivery.report()) == {"delivered": 1, "dropped": 1}
        provider.shutdown()


@pytest.mark.parametrize(("mode", "flushed"), [("accepts", True), ("400", False), ("hangs", False)])
def test_force_flush_tells_the_truth_in_its_time(mode: str, flushed: bool) -> None:  # noqa: FBT001
    """True if what waited was delivered, False if not, within the timeout it was given."""
    with sink(mode) as receiver:
        provider, _ = delivering(receiver.endpoint, (), seconds=0.2)
        provider.get_tracer("tests").start_span("span").end()
        began = time.monotonic()
        assert provider.force_flush(timeout_millis=300) is flushed
        assert time.monotonic() - began < 2
        provider.shutdown()


@pytest.mark.soak
def test_a_burst_of_fifty_thousand_is_delivered() -> None:
    """With a queue as large as the burst nothing is lost."""
    burst(queue=50_000, lossless=True)


@pytest.mark.soak
def test_a_burst_that_is_too_large_is_counted() -> None:
    """With the default queue, what is lost is known to the span."""
    burst(queue=8192, lossless=False)


def burst(*, queue: int, lossless: bool) -> None:
    """End 50,000 spans as fast as possible and compare with what arrived."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(
            receiver.endpoint,
            (
                queue,
                1000,
                512,
            ),
            seconds=60,
        )
        tracer = provider.get_tracer("tests")
        for _ in range(50_000):
            tracer.start_span("span").end()
        provider.shutdown()
        report = delivery.report()
        assert report.delivered == len(set(receiver.span_ids))
        assert report.delivered + report.dropped == 50_000
        assert (report.dropped == 0) is lossless
