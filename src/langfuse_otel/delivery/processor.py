"""What stands before and behind the SDK's batches: it counts, and bounds flush and shutdown."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from .delivery import Delivery

__all__ = ["CountedExporter", "CountedProcessor"]


class CountedExporter(SpanExporter):
    """Exports through a delivery."""

    def __init__(self, delivery: "Delivery") -> None:
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch and count it."""
        return self._delivery.send(spans)

    def shutdown(self) -> None:
        """Leave it to the processor's shutdown, which also counts."""


class CountedProcessor(SpanProcessor):
    """The SDK's batches, with a flush that tells the truth and a shutdown that ends."""

    def __init__(self, delivery: "Delivery", batches: BatchSpanProcessor) -> None:
        self._delivery = delivery
        self._batches = batches
        self._ending = threading.Lock()
        self._is_ending = False
        self._last: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell the batches."""
        self._batches.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Count the span, and queue it."""
        self._delivery.count_ended(span)
        if self._is_ending and not self._delivery.is_closed and _is_sampled(span):
            self._last.append(span)  # The batches take nothing any more.
        else:
            self._batches.on_end(span)

    def shutdown(self) -> None:
        """Send what waits, within the delivery's time."""
        with self._ending:  # The SDK lets a second caller go before the first has ended.
            self._delivery.begin_shutdown()
            self._is_ending = True
            self._batches.shutdown()  # type: ignore[no-untyped-call] # the SDK has no annotation
            if self._last and not self._delivery.is_closed:
                self._delivery.send(tuple(self._last))
            self._delivery.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return whether everything that waits is delivered, within the time given."""
        if self._delivery.is_closed:
            return False
        return self._delivery.flush(self._batches.force_flush, timeout_millis / 1000)


def _is_sampled(span: ReadableSpan) -> bool:
    return span.context is not None and span.context.trace_flags.sampled
