"""Exceptions are exported without what they said, and everything else as it is."""

from contextlib import suppress
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode

from langfuse_otel.redaction import WithoutExceptionDetails


def encoded(span: ReadableSpan) -> dict[str, Any]:
    """Return all that is exported of a span."""
    found: dict[str, Any] = MessageToDict(encode_spans([span]))
    return found


def spans() -> tuple[ReadableSpan, ReadableSpan]:
    """Return a span that an exception left, beyond all its limits: as it is, and redacted."""
    plain, redacted = InMemorySpanExporter(), InMemorySpanExporter()
    limits = SpanLimits(
        max_span_attributes=2,
        max_events=2,
        max_links=1,
        max_event_attributes=4,
        max_link_attributes=1,
    )
    provider = TracerProvider(
        resource=Resource({"service.name": "shop"}), span_limits=limits, shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(plain))
    provider.add_span_processor(SimpleSpanProcessor(WithoutExceptionDetails(redacted)))
    tracer = provider.get_tracer("tests", "1.0", schema_url="https://example.com/1")
    with tracer.start_as_current_span("parent") as parent:
        links = [Link(parent.get_span_context(), {"a": n, "b": n}) for n in range(3)]
        work = tracer.start_as_current_span(
            "work", kind=SpanKind.CLIENT, links=links, attributes={str(n): n for n in range(5)}
        )
        with suppress(ValueError), work as span:
            for number in range(4):
                span.add_event(f"event {number}", {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
            raise ValueError("jane@example.com failed")
    return plain.get_finished_spans()[0], redacted.get_finished_spans()[0]


def test_an_exception_is_exported_without_what_it_said() -> None:
    """Type and error status stay; message, stack trace and description do not leave."""
    plain, redacted = spans()
    assert "jane" in plain.to_json()
    assert "jane" not in redacted.to_json()
    assert "jane" not in str(encoded(redacted))
    assert redacted.status.status_code is StatusCode.ERROR
    assert (redacted.events[-1].attributes or {})["exception.type"] == "ValueError"


def test_all_the_rest_of_the_span_is_exported() -> None:
    """Kind, links, parent, scope, resource, times, and how much each limit dropped."""
    plain, redacted = map(encoded, spans())
    [span] = plain["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span["kind"] == "SPAN_KIND_CLIENT"
    assert (span["droppedAttributesCount"], span["droppedEventsCount"]) == (3, 3)
    assert (span["droppedLinksCount"], span["links"][0]["droppedAttributesCount"]) == (2, 1)
    assert span["events"][0]["droppedAttributesCount"] == 1
    del span["status"]["message"]
    kept = [
        each
        for each in span["events"][-1]["attributes"]
        if each["key"] not in {"exception.message", "exception.stacktrace"}
    ]
    span["events"][-1]["attributes"] = kept
    assert redacted == plain
