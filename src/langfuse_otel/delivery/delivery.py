"""What became of the spans: counted from the answers, with shutdown bounded in time.

The SDK's `force_flush` returns True after a failed export and ignores its timeout, and its
`shutdown` waits up to 30 seconds. Here both tell the truth in the time they are given.
"""

import contextvars
import math
import os
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Sequence

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from .report import Report
from .spool import Spool
from .transport import Batch, WatchedSession

__all__ = ["Delivery"]

_REMEMBERED_TRACES = 100
_SENDING_SHARE = 0.6  # The rest is for writing the spool.
_POLL_SECONDS = 0.02


_deliveries: "weakref.WeakKeyDictionary[TracerProvider, Delivery]" = weakref.WeakKeyDictionary()


class Delivery:
    """Counts what one exporter of a provider delivers, and bounds its shutdown.

    Give `session` to the provider's `OTLPSpanExporter`, wrap that exporter with `count()` and its
    batches with `watch()`.

    Args:
        provider: Whose spans are delivered.
        endpoint: Where its exporter sends them.
        shutdown_timeout_seconds: How long a shutdown may take.
        spool: Keeps what could not be delivered.

    Attributes:
        session: The HTTP session that reads the receiver's answers.
        is_closed: Whether nothing is sent any more.
    """

    def __init__(
        self,
        provider: TracerProvider,
        *,
        endpoint: str,
        shutdown_timeout_seconds: float = 2.5,
        spool: Spool | None = None,
    ) -> None:
        self.session = WatchedSession(endpoint)
        self.is_closed = False
        self._exporter: SpanExporter | None = None
        self._endpoint = endpoint
        self._shutdown_seconds = shutdown_timeout_seconds
        self._flush_timed_out = False
        self._spool = spool
        self._deadline = math.inf
        self._batch = self._last = Batch(0)
        self._forget()
        forget = weakref.WeakMethod(self._forget)
        # What the parent process has queued and counted stays the parent's.
        os.register_at_fork(after_in_child=lambda: (method := forget()) and method())
        _deliveries[provider] = self

    @staticmethod
    def of(provider: TracerProvider) -> "Delivery | None":
        """Return what counts the provider's spans, None if nothing does."""
        return _deliveries.get(provider)

    def count(self, exporter: SpanExporter) -> SpanExporter:
        """Return an exporter that sends through this one and counts what became of each batch."""
        self._exporter = exporter
        return _Exporter(self)

    def watch(self, batches: BatchSpanProcessor) -> SpanProcessor:
        """Return a processor that counts the spans which end, and bounds flush and shutdown."""
        return _Processor(self, batches)

    def report(self) -> Report:
        """Return the counts; before the shutdown, spans that still wait count as dropped."""
        with self._lock:
            counts = self._counts
            settled = counts["delivered"] + counts["failed"] + counts["unconfirmed"]
            return Report(
                delivered=counts["delivered"],
                failed=counts["failed"],
                unconfirmed=counts["unconfirmed"],
                dropped=counts["ended"] - settled,
                evicted=counts["ended"] - settled - counts["unsent"],
                spooled=self._spool.kept if self._spool else 0,
                endpoint=self._endpoint,
                problem=self._last.problem,
                status=self._last.status,
                trace_ids=tuple(self._trace_ids),
            )

    def count_ended(self, span: ReadableSpan) -> None:
        """Count a span that is to be delivered."""
        if span.context and span.context.trace_flags.sampled:
            with self._lock:
                self._counts["ended"] += 1

    def send(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export one batch, and give up waiting for it when the time to shut down is over."""
        if self.is_closed:
            self._count("unsent", spans)
            return SpanExportResult.FAILURE
        batch = self._batch = self.session.batch = Batch(len(spans))
        work = contextvars.copy_context().run  # Says that requests are not to be traced.
        threading.Thread(target=work, args=(self._export, batch, spans), daemon=True).start()
        batch.settled.wait()
        self._settle(batch, spans)
        return batch.result or SpanExportResult.FAILURE

    def begin_shutdown(self) -> float:
        """Start the clock, and return the seconds left for sending."""
        seconds = 0.0 if self._flush_timed_out else self._shutdown_seconds
        self._deadline = time.monotonic() + self._shutdown_seconds
        return seconds * (_SENDING_SHARE if self._spool else 1)

    def wait_for(self, flush: threading.Thread, seconds: float) -> None:
        """Wait until the flush ends, its time is over, or nothing listens at the endpoint."""
        deadline = time.monotonic() + seconds
        while flush.is_alive() and not self._batch.is_refused:
            if time.monotonic() >= deadline:
                self._flush_timed_out = True  # A shutdown after it has waited long enough.
                return
            flush.join(_POLL_SECONDS)

    def close(self) -> None:
        """Send nothing from now on, and stop waiting for the batch that is on its way."""
        self.is_closed = self.session.is_closed = True
        if self._exporter:  # Interrupts the pause between two attempts.
            self._exporter.shutdown()
        self._batch.settled.set()

    def _export(self, batch: Batch, spans: Sequence[ReadableSpan]) -> None:
        try:
            if self._exporter:
                batch.result = self._exporter.export(spans)
        finally:
            batch.settled.set()

    def _settle(self, batch: Batch, spans: Sequence[ReadableSpan]) -> None:
        self._last = batch if batch.problem or not self._last.problem else self._last
        if batch.result is SpanExportResult.SUCCESS:
            self._count("delivered", spans[batch.rejected :])
            self._count("failed", spans[: batch.rejected])
        elif batch.is_open or batch.is_unknown:
            batch.problem = batch.problem or "it did not answer in time"
            self._count("unconfirmed", spans)
        else:
            self._count("failed" if batch.is_sent or not self.is_closed else "unsent", spans)

    def _count(self, what: str, spans: Sequence[ReadableSpan]) -> None:
        with self._lock:
            self._counts[what] += len(spans)
            if what == "delivered":
                self._trace_ids += [_trace_id(span) for span in spans if span.parent is None]
        if self._spool and what != "delivered" and time.monotonic() < self._deadline:
            self._spool.keep(spans)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._trace_ids: deque[str] = deque(maxlen=_REMEMBERED_TRACES)
        self._batch = self._last = Batch(0)


class _Exporter(SpanExporter):
    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._delivery.send(spans)

    def shutdown(self) -> None:
        """Leave it to the processor's shutdown, which also counts."""


class _Processor(SpanProcessor):
    """The SDK's batches, with a flush that tells the truth and a shutdown that ends."""

    def __init__(self, delivery: Delivery, batches: BatchSpanProcessor) -> None:
        self._delivery = delivery
        self._batches = batches

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        self._batches.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._delivery.count_ended(span)
        self._batches.on_end(span)

    def shutdown(self) -> None:
        timer = threading.Timer(self._delivery.begin_shutdown(), self._delivery.close)
        timer.daemon = True
        timer.start()
        self._batches.shutdown()  # type: ignore[no-untyped-call] # the SDK has no annotation
        timer.cancel()
        if not self._delivery.is_closed:
            self._delivery.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return whether everything that was waiting is delivered, within the time given."""
        before = self._delivery.report()
        flush = threading.Thread(target=self._batches.force_flush, daemon=True)
        flush.start()
        self._delivery.wait_for(flush, timeout_millis / 1000)
        after = self._delivery.report()
        is_lost = (after.failed, after.unconfirmed) != (before.failed, before.unconfirmed)
        return not flush.is_alive() and not is_lost


def _trace_id(span: ReadableSpan) -> str:
    return format(span.context.trace_id, "032x") if span.context else ""
