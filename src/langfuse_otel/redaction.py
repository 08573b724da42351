"""Exported spans without what an exception said: its message may hold what a customer wrote."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

__all__ = ["WithoutExceptionDetails"]

_DETAILS = frozenset({"exception.message", "exception.stacktrace"})


class WithoutExceptionDetails(SpanExporter):
    """Drops exception messages, stack traces and status descriptions; types and codes stay.

    The SDK records all three whenever an exception leaves a span, in any instrumentation.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans without the details."""
        return self._exporter.export([_without_details(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)


def _without_details(span: ReadableSpan) -> ReadableSpan:
    if not span.status.description and not any(map(_has_details, span.events)):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_redacted(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _has_details(event: Event) -> bool:
    return not _DETAILS.isdisjoint(event.attributes or ())


def _redacted(event: Event) -> Event:
    kept = {key: value for key, value in (event.attributes or {}).items() if key not in _DETAILS}
    return Event(event.name, kept, event.timestamp)
