"""A processor that reads raw baggage, and a provider without a count of what it delivers."""

from opentelemetry import baggage, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .config import settings
from .langfuse_context import LANGFUSE_BAGGAGE_KEYS, LANGFUSE_TAGS_BAGGAGE_KEY


class LangfuseBaggageSpanProcessor(SpanProcessor):
    """Copies the entries that are there."""

    def on_start(self, span, parent_context=None):
        entries = baggage.get_all(parent_context)
        for key in LANGFUSE_BAGGAGE_KEYS & entries.keys():
            span.set_attribute(key, entries[key])
        if tags := entries.get(LANGFUSE_TAGS_BAGGAGE_KEY):
            span.set_attribute("langfuse.trace.tags", tags.split(","))


def configure_tracing():
    """Install a provider with the SDK's own batches."""
    names = {
        "service.name": settings.otel_service_name,
        "service.version": settings.agent_version,
        "deployment.environment.name": settings.deployment_environment,
    }
    provider = TracerProvider(resource=Resource.create(names))
    provider.add_span_processor(LangfuseBaggageSpanProcessor())
    exporter = OTLPSpanExporter(
        endpoint=settings.otel_exporter_otlp_traces_endpoint,
        timeout=settings.otel_exporter_otlp_timeout_seconds,
    )
    batches = BatchSpanProcessor(
        exporter,
        max_queue_size=settings.otel_bsp_max_queue_size,
        schedule_delay_millis=settings.otel_bsp_schedule_delay_millis,
        max_export_batch_size=settings.otel_bsp_max_export_batch_size,
        export_timeout_millis=settings.otel_bsp_export_timeout_millis,
    )
    provider.add_span_processor(batches)
    trace.set_tracer_provider(provider)
    return provider
