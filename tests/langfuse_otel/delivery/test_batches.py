"""Batches that cannot be sent as they are, and what is said of each."""

import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from benchmarks.failures import delivering
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import StatusCode

from langfuse_otel.delivery import Delivery
from langfuse_otel.redaction import WithoutExceptionDetails
from support.deliveries import counts
from support.otlp_sinks import answering, limited, sink

HALF = "\ud83d"


@pytest.mark.parametrize("where", ["name", "event", "status"])
def test_half_a_surrogate_pair_costs_its_span(where: str) -> None:
    """The other 199 spans of the batch arrive, and the cause is said."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, (), seconds=5)
        for number in range(200):
            end_a_span(provider, where, HALF if number == 77 else "ok")
        provider.shutdown()
        report = delivery.report()
        assert counts(report) == {"delivered": 199, "failed": 1}
        assert len(set(receiver.span_ids)) == len(receiver.span_ids) == 199
    assert "surrogate" in str(report)
    assert "no time" not in str(report)


def test_half_a_pair_in_an_attribute_costs_the_attribute() -> None:
    """So the SDK encodes it."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, (), seconds=5)
        end_a_span(provider, "attribute", HALF)
        provider.shutdown()
    assert counts(delivery.report()) == {"delivered": 1}


def test_spans_that_cannot_be_encoded_alone_take_no_time() -> None:
    """When that is every span, all have failed, and nothing is sent."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, (), seconds=5)
        for _ in range(20):
            end_a_span(provider, "name", HALF)
        provider.shutdown()
        assert not receiver.requests
    assert counts(delivery.report()) == {"failed": 20}
    assert "surrogate" in str(delivery.report())


def end_a_span(provider: TracerProvider, where: str, text: str) -> None:
    """Make a span that has the text in one place."""
    span = provider.get_tracer("tests").start_span(text if where == "name" else "span")
    if where == "attribute":
        span.set_attribute("text", text)
    elif where == "event":
        span.add_event(text)
    elif where == "status":
        span.set_status(StatusCode.ERROR, text)
    span.end()


REFUSALS = {
    "413": answering("413 Content Too Large"),
    "the Collector's": answering("400 Bad Request", "", b"http: request body too large"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_batch_that_is_too_large_is_split(name: str) -> None:
    """Everything arrives once, except a span that is too large alone, which says so."""
    with sink(limited(10_000, REFUSALS[name])) as receiver:
        provider, delivery = delivering(receiver.endpoint, (2048, 60_000, 200), seconds=5)
        tracer = provider.get_tracer("tests")
        for number in range(200):
            size = 20_000 if number == 99 else 500
            tracer.start_span("span", attributes={"text": "x" * size}).end()
        provider.shutdown()
        report = delivery.report()
        assert counts(report) == {"delivered": 199, "failed": 1}
        assert len(set(receiver.span_ids)) == len(receiver.span_ids) == 199


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("mib", [10, pytest.param(66, marks=pytest.mark.soak)])
def test_no_request_is_larger_than_four_mib(compression: Compression, mib: int) -> None:
    """A batch beyond it is split before a receiver or the exporter refuses it."""
    sizes: list[int] = []

    def measure(span_sink: object, client: object, body: bytes) -> None:
        sizes.append(len(body))
        accept(span_sink, client, body)  # type: ignore[arg-type]

    accept = limited(20 * 2**20, answering("413 Content Too Large"))
    with sink(measure) as receiver:
        provider = TracerProvider(shutdown_on_exit=False)
        delivery = Delivery(provider, endpoint=receiver.endpoint, shutdown_timeout_seconds=60)
        exporter = OTLPSpanExporter(
            endpoint=receiver.endpoint,
            timeout=60,
            session=delivery.session,
            compression=compression,
        )
        batches = BatchSpanProcessor(delivery.count(exporter), 64, 60_000, 32)
        provider.add_span_processor(delivery.watch(batches))
        for _ in range(31):
            text = "x" * (mib * 2**20 // 31)
            provider.get_tracer("tests").start_span("span", attributes={"text": text}).end()
        provider.shutdown()
    assert counts(delivery.report()) == {"delivered": 31}
    assert compression is Compression.Gzip or max(sizes) <= 4 * 2**20


def test_what_still_waits_is_not_said_to_be_lost_to_the_queue() -> None:
    """While a slow export is under way, nothing has been evicted."""
    with sink("slow") as receiver:
        provider, delivery = delivering(receiver.endpoint, (2048, 60_000, 512))
        for _ in range(600):
            provider.get_tracer("tests").start_span("span").end()
        time.sleep(0.1)
        report = delivery.report()
        assert (report.evicted, report.waiting) == (0, 600)
        assert "the queue was full" not in str(report)
        assert "not been sent yet" in str(report)
        provider.shutdown()
        assert counts(delivery.report()) == {"delivered": 600}


def test_what_ended_after_the_shutdown_is_said_to_have() -> None:
    """It is dropped, and no queue was full."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, ())
        provider.shutdown()
        provider.get_tracer("tests").start_span("span").end()
        assert counts(delivery.report()) == {"dropped": 1}
        assert "they ended after the shutdown" in str(delivery.report())


class Keeping(SpanExporter):
    """Passes one span in two on."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export every other span."""
        return self._exporter.export(spans[::2])


@pytest.mark.parametrize(("around", "arriving"), [(WithoutExceptionDetails, 10), (Keeping, 5)])
def test_an_exporter_in_between_is_counted_through(around: type[Keeping], arriving: int) -> None:
    """What it sends on is delivered, and what it keeps is not."""
    with sink("accepts") as receiver:
        provider = TracerProvider(shutdown_on_exit=False)
        delivery = Delivery(provider, endpoint=receiver.endpoint)
        exporter = OTLPSpanExporter(endpoint=receiver.endpoint, session=delivery.session)
        batches = BatchSpanProcessor(around(delivery.count(exporter)))
        provider.add_span_processor(delivery.watch(batches))
        for _ in range(10):
            with provider.get_tracer("tests").start_as_current_span("span") as span:
                span.record_exception(ValueError("secret"))
        provider.shutdown()
        assert len(set(receiver.span_ids)) == arriving
    report = delivery.report()
    assert (report.delivered, report.lost) == (arriving, 10 - arriving)
    assert report.lost == 0 or "an exporter before this one" in str(report)


class Raising(SpanExporter):
    """An exporter with a fault."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raise."""
        raise RuntimeError(len(spans))


def test_an_exporter_that_raises_has_failed_and_is_asked_again() -> None:
    """Its batches have failed, one after the other, and flush and shutdown end."""
    provider = TracerProvider(shutdown_on_exit=False)
    delivery = Delivery(provider, endpoint="http://localhost:9/v1/traces")
    batches = BatchSpanProcessor(delivery.count(Raising()))
    provider.add_span_processor(delivery.watch(batches))
    for expected in (1, 2):
        provider.get_tracer("tests").start_span("span").end()
        assert not provider.force_flush()
        assert counts(delivery.report()) == {"failed": expected}
    provider.shutdown()


def test_each_trace_says_how_many_of_its_spans_were_delivered() -> None:
    """The last 1,000 traces, with what is known to have arrived."""
    with sink("accepts") as receiver:
        provider, delivery = delivering(receiver.endpoint, (), seconds=5)
        tracer = provider.get_tracer("tests")
        for number in range(1010):
            with tracer.start_as_current_span("root") as root:
                for _ in range(number % 3):
                    tracer.start_span("child").end()
        provider.shutdown()
    found = delivery.delivered_by_trace
    assert len(found) == 1000
    assert found[format(root.get_span_context().trace_id, "032x")] == 1 + 1009 % 3
    assert sum(found.values()) == sum(1 + number % 3 for number in range(10, 1010))


def test_nothing_of_a_delivery_is_left_after_its_shutdown() -> None:
    """Five cycles leave no thread, no second delivery of a span, and no true flush."""
    before = threading.active_count()
    with sink("accepts") as receiver:
        for _ in range(5):
            provider, delivery = delivering(receiver.endpoint, ())
            provider.get_tracer("tests").start_span("span").end()
            assert provider.force_flush()
            provider.shutdown()
            assert provider.force_flush() is False
            assert counts(delivery.report()) == {"delivered": 1}
        assert len(receiver.span_ids) == 5
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_a_flush_forgets_that_nothing_listened() -> None:
    """When a receiver comes, the next flush waits for it and is true."""
    with sink("refuses") as absent:
        provider, delivery = delivering(absent.endpoint, (), timeout=0.3)
        provider.get_tracer("tests").start_span("span").end()
        assert not provider.force_flush(timeout_millis=1000)
    time.sleep(0.5)
    with sink("slow", port=urlsplit(absent.endpoint).port or 0) as receiver:
        provider.get_tracer("tests").start_span("span").end()
        assert provider.force_flush(timeout_millis=1000)
        assert len(receiver.span_ids) == 1
        provider.shutdown()
    assert counts(delivery.report()) == {"delivered": 1, "failed": 1}
