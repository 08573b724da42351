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


class _RedactedSpan(ReadableSpan):
    def __init__(self, span: ReadableSpan) -> None:
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=span.attributes,
            events=[_RedactedEvent(event) for event in span.events],
            links=span.links,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]


class _RedactedEvent(Event):
    def __init__(self, event: Event) -> None:
        attributes = event.attributes or {}
        kept = {key: value for key, value in attributes.items() if key not in _DETAILS}
        super().__init__(event.name, kept, event.timestamp)
        self._dropped = event.dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        return self._dropped


def _without_details(span: ReadableSpan) -> ReadableSpan:
    has_details = any(not _DETAILS.isdisjoint(event.attributes or ()) for event in span.events)
    return _RedactedSpan(span) if span.status.description or has_details else span
