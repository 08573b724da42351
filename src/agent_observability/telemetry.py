"""The one export path: spans, enriched with Langfuse's context, batched, sent over OTLP/HTTP."""

import json
from collections.abc import Mapping

from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from .config import settings
from .delivery import Delivery
from .langfuse_context import LANGFUSE_BAGGAGE_KEYS, LANGFUSE_TAGS_BAGGAGE_KEY

__all__ = ["LangfuseBaggageSpanProcessor", "configure_tracing"]


class LangfuseBaggageSpanProcessor(SpanProcessor):
    """Copies the trace context from baggage to every span that starts inside it."""

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp the span with the context it starts in."""
        # An empty Context is falsy, and means "no baggage", not "the current one".
        context = otel_context.get_current() if parent_context is None else parent_context
        attributes = _attributes(baggage.get_all(context))
        if attributes:
            span.set_attributes(attributes)


def configure_tracing(delivery: Delivery | None = None) -> TracerProvider:
    """Install the global tracer provider, and `traceparent` as all that crosses the process.

    Args:
        delivery: Counts what was delivered; pass one to report it.

    Returns:
        The provider. Shut it down, or spans that wait in the batch are lost.
    """
    delivery = delivery or Delivery()
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": settings.otel_service_name,
                "service.version": settings.agent_version,
                "deployment.environment.name": settings.deployment_environment,
            }
        ),
        # delivery.finish() bounds the shutdown; the SDK's own at exit would wait up to 30 s more.
        shutdown_on_exit=False,
    )
    provider.add_span_processor(LangfuseBaggageSpanProcessor())
    exporter = delivery.exporter(
        endpoint=settings.otel_exporter_otlp_traces_endpoint,
        timeout_seconds=settings.otel_exporter_otlp_timeout_seconds,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=settings.otel_bsp_max_queue_size,
            schedule_delay_millis=settings.otel_bsp_schedule_delay_millis,
            max_export_batch_size=settings.otel_bsp_max_export_batch_size,
            export_timeout_millis=settings.otel_bsp_export_timeout_millis,
        )
    )
    trace.set_tracer_provider(provider)
    # OpenTelemetry's default also sends baggage to, and accepts it from, every instrumented host.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    return provider


def _attributes(entries: Mapping[str, object]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        key: str(value) for key, value in entries.items() if key in LANGFUSE_BAGGAGE_KEYS
    }
    tags = entries.get(LANGFUSE_TAGS_BAGGAGE_KEY)
    if tags and tags != "[]":  # Langfuse makes a bogus tag of an empty array.
        attributes["langfuse.trace.tags"] = json.loads(str(tags))
    return attributes
