"""What became of the spans: counted from the answers, with shutdown bounded in time.

The SDK's `force_flush` returns True after a failed export and ignores its timeout, and its
`shutdown` waits up to 30 seconds. Here both tell the truth in the time they are given.
"""

import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from .batch import Batch
from .ledger import Ledger
from .processor import CountedExporter, CountedProcessor
from .report import NO_ANSWER, Report, without_secrets
from .splitting import smaller
from .spool import Spool
from .transport import WatchedSession
from .worker import Worker

__all__ = ["Delivery"]

_SENDING_SHARE = 0.6  # The rest is for writing the spool.
_POLL_SECONDS = 0.02


_deliveries: "weakref.WeakKeyDictionary[TracerProvider, Delivery]" = weakref.WeakKeyDictionary()


class Delivery:
    """Counts what one exporter of a provider delivers, and bounds its shutdown.

    Give `session` to the provider's `OTLPSpanExporter`, wrap that exporter with `count()` and its
    batches with `watch()`. An exporter that redacts goes around the one that counts: what is
    counted is what is sent, and what is kept in the spool.

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
        self._endpoint = without_secrets(endpoint)
        self._shutdown_seconds = shutdown_timeout_seconds
        self._spool = spool
        self._sending_until = self._keeping_until = math.inf
        self._begin()
        begin = weakref.WeakMethod(self._begin)
        # What the parent process has queued and counted stays the parent's, and so do its threads.
        os.register_at_fork(after_in_child=lambda: (method := begin()) and method())
        _deliveries[provider] = self

    @staticmethod
    def of(provider: TracerProvider) -> "Delivery | None":
        """Return what counts the provider's spans, None if nothing does."""
        return _deliveries.get(provider)

    def count(self, exporter: SpanExporter) -> SpanExporter:
        """Return an exporter that sends through this one and counts what became of each batch."""
        self._exporter = exporter
        return CountedExporter(self)

    def watch(self, batches: BatchSpanProcessor) -> SpanProcessor:
        """Return a processor that counts the spans which end, and bounds flush and shutdown."""
        return CountedProcessor(self, batches)

    def report(self) -> Report:
        """Return the counts; before the shutdown, spans that still wait count as dropped."""
        spooled = self._spool.kept if self._spool else 0
        return self._ledger.report(
            endpoint=self._endpoint, spooled=spooled, is_closed=self.is_closed
        )

    @property
    def delivered_by_trace(self) -> dict[str, int]:
        """Spans delivered of each of the last 1,000 traces, by 32 hex digits.

        A batch of which some spans were rejected is not in it: nobody says which.
        """
        return self._ledger.delivered_by_trace

    def count_ended(self, span: ReadableSpan) -> None:
        """Count a span that is to be delivered."""
        if span.context and span.context.trace_flags.sampled:
            self._ledger.count("ended", 1)
            if self.is_closed:
                self._ledger.count("late", 1)

    def send(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export one batch, and give up waiting for it when its time or ours is over."""
        self._ledger.count("arrived", len(spans))
        is_success = self._send(spans, math.inf)
        return SpanExportResult.SUCCESS if is_success else SpanExportResult.FAILURE

    def flush(self, flush: Callable[[], object], seconds: float) -> bool:
        """Return whether a flush delivers everything; wait while somebody listens, and so long."""
        self._flush_timed_out = False
        lost, deadline = self._ledger.lost, time.monotonic() + seconds
        done = self._flusher.do(flush)
        while not done.wait(_POLL_SECONDS):
            if self._batch.is_refused:
                return False
            if time.monotonic() >= deadline:
                self._flush_timed_out = True  # A shutdown after it has waited long enough.
                return False
        return not self.is_closed and self._ledger.lost == lost

    def begin_shutdown(self) -> None:
        """Start the clock, unless it is running: a flush under way is to end in time, too."""
        now, seconds = time.monotonic(), self._shutdown_seconds
        share = _SENDING_SHARE if self._spool else 1
        sending = 0.0 if self._flush_timed_out else seconds * share
        self._keeping_until = min(self._keeping_until, now + seconds)
        self._sending_until = min(self._sending_until, now + sending)

    def close(self) -> None:
        """Send nothing from now on."""
        if self.is_closed:
            return
        self.is_closed = self.session.is_closed = True
        if self._exporter:  # Interrupts the pause between two attempts.
            self._exporter.shutdown()
        self.session.abort()
        self._sender.stop()
        self._flusher.stop()

    def _begin(self) -> None:
        self._ledger = Ledger()
        self._batch = Batch(0)
        self._flush_timed_out = False
        if not self.is_closed:
            self._sender, self._flusher = Worker(), Worker()

    def _send(self, spans: Sequence[ReadableSpan], deadline: float) -> bool:
        batch = self._attempt(spans, deadline)
        parts = [] if batch.is_success or self.is_closed else smaller(batch, spans)
        if not parts:
            self._settle(batch, spans)
            return batch.is_success is True and not batch.rejected
        results = [self._send(part, batch.deadline) for part in parts]
        return all(results)

    def _attempt(self, spans: Sequence[ReadableSpan], deadline: float) -> Batch:
        batch = Batch(len(spans), deadline)
        if self.session.timeout_seconds:
            limit = time.monotonic() + self.session.timeout_seconds
            batch.deadline = min(batch.deadline, limit)
        if time.monotonic() >= self._sending_until:
            self.close()
        if not self.is_closed and not batch.is_over:
            self._batch = batch
            work = partial(self._export, batch, spans)
            batch = self._wait(batch, self._sender.do(work))
            self._batch = Batch(0)
        return batch

    def _export(self, batch: Batch, spans: Sequence[ReadableSpan]) -> None:
        self.session.batch = batch
        result = SpanExportResult.FAILURE
        try:
            if self._exporter and not batch.is_abandoned:
                result = self._exporter.export(spans)
        finally:
            batch.is_success = result is SpanExportResult.SUCCESS

    def _wait(self, batch: Batch, done: threading.Event) -> Batch:
        while not done.wait(_POLL_SECONDS):
            if batch.is_over or time.monotonic() >= self._sending_until:
                seen = batch.abandon()
                self.session.abort()
                return seen
        return batch

    def _settle(self, batch: Batch, spans: Sequence[ReadableSpan]) -> None:
        if batch.is_success:
            self._flush_timed_out = False
            self._ledger.count_delivered(spans, batch.rejected)
        else:
            self._ledger.count(self._fate(batch), len(spans))
        if batch.problem or batch.rejected:
            self._ledger.last = batch
        is_taken = batch.is_success and not batch.rejected
        if self._spool and not is_taken and time.monotonic() < self._keeping_until:
            self._spool.keep(spans)

    def _fate(self, batch: Batch) -> str:
        if batch.is_open or batch.is_unknown:
            batch.problem = batch.problem or NO_ANSWER
            return "unconfirmed"
        is_tried = batch.is_sent or (batch.is_success is False and not self.is_closed)
        return "failed" if is_tried else "unsent"
