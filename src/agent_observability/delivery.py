"""What became of the spans: counted per batch from the answers, with shutdown bounded in time.

The SDK's `force_flush` returns True after a failed export, ignores its timeout, and the OTLP
exporter takes a redirect or an HTML page for success. So the answers are watched here.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

__all__ = ["Delivery", "Report"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Report:
    """Span counts at the end, and why the last failure happened.

    Attributes:
        delivered: Spans in batches that the endpoint answered with success.
        undelivered: Spans in batches that failed or were not answered in time.
        cause: One clause on the last failure; of no meaning without one.
        trace_ids: Traces whose root span ended, in order, 32 hex digits each.
    """

    delivered: int
    undelivered: int
    cause: str
    trace_ids: tuple[str, ...]


class Delivery:
    """Watches one exporter and bounds its shutdown."""

    def __init__(self) -> None:
        self._delivered = 0
        self._undelivered = 0
        self._trace_ids: list[str] = []
        self._session = _WatchedSession()
        self._exporter: SpanExporter | None = None

    def exporter(self, *, endpoint: str, timeout_seconds: float) -> SpanExporter:
        """Return an OTLP/HTTP exporter whose batches are counted here."""
        # A proxy from the environment cannot reach this machine's own loopback.
        self._session.trust_env = urlsplit(endpoint).hostname not in _LOOPBACK
        self._exporter = OTLPSpanExporter(
            endpoint=endpoint, timeout=timeout_seconds, session=self._session
        )
        return _CountingExporter(self._exporter, self)

    def finish(self, provider: TracerProvider, *, timeout_seconds: float) -> Report:
        """Flush and shut down within the timeout, and report what was delivered.

        The SDK's own shutdown can block for 30 seconds; a daemon thread can be left behind.
        """
        closing = threading.Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(timeout_seconds)
        if closing.is_alive() and self._exporter is not None:
            self._exporter.shutdown()  # Interrupts the wait between two attempts.
            closing.join(0.2)
        return Report(
            delivered=self._delivered,
            undelivered=self._undelivered,
            cause=self._session.problem or "no answer in time",
            trace_ids=tuple(self._trace_ids),
        )

    def begin(self, spans: Sequence[ReadableSpan]) -> None:
        """Count a batch as undelivered until its answer is known."""
        self._undelivered += len(spans)
        self._trace_ids += [
            format(span.context.trace_id, "032x")
            for span in spans
            if span.parent is None and span.context is not None
        ]

    def end(self, spans: Sequence[ReadableSpan], result: SpanExportResult) -> None:
        """Count a batch whose answer is known."""
        if result is SpanExportResult.SUCCESS:
            self._undelivered -= len(spans)
            self._delivered += len(spans)


class _CountingExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter, delivery: Delivery) -> None:
        self._exporter = exporter
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._delivery.begin(spans)
        result = self._exporter.export(spans)
        self._delivery.end(spans, result)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _WatchedSession(requests.Session):
    """Remembers why the last request failed, and refuses what only looks like success."""

    problem = ""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        try:
            response = super().send(request, **kwargs)
        except requests.Timeout:
            self.problem = "no answer in time"
            raise
        except requests.ConnectionError:
            self.problem = "nothing is listening there"
            raise
        self.problem = "" if _is_accepted(response) else _said(response)
        if response.ok and self.problem:
            # The exporter would call a redirect or a proxy's HTML page a success.
            raise requests.exceptions.InvalidSchema(self.problem)
        return response


def _is_accepted(response: requests.Response) -> bool:
    is_page = "html" in response.headers.get("Content-Type", "")
    return response.ok and not response.is_redirect and not is_page


def _said(response: requests.Response) -> str:
    return f"it answered {response.status_code} {response.reason}".rstrip()
