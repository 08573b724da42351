"""The one export path: spans, stamped with Langfuse's context, batched, sent over OTLP/HTTP.

A service without a provider copies this file and passes its own settings; a service that has one
copies the processor alone. Besides what such a file usually holds, it keeps baggage inside the
process, exception messages out of the export, and count of what is delivered.
"""

import logging

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from langfuse_otel import span_attributes
from langfuse_otel.delivery import Delivery, Spool
from langfuse_otel.limits import span_limits
from langfuse_otel.propagation import TrustedHostsPropagator
from langfuse_otel.redaction import WithoutExceptionDetails

from .config import settings

__all__ = ["LangfuseBaggageSpanProcessor", "configure_tracing"]

_log = logging.getLogger(__name__)


class LangfuseBaggageSpanProcessor(SpanProcessor):
    """Copies the context that `langfuse_trace_context()` has entered to every span inside it.

    It reads what was checked on entering, not baggage, which a stranger's header may set.
    """

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp the span with the context it starts in; never raise into the application."""
        try:
            attributes = span_attributes(parent_context)
            if attributes:
                span.set_attributes(attributes)
        except Exception:  # noqa: BLE001 - the SDK would let it through to whoever starts a span
            _log.exception("A span starts without its Langfuse context.")


def configure_tracing() -> TracerProvider:
    """Install the global tracer provider, and `traceparent` as all that crosses the process.

    It is shut down at exit, if not before. One that is installed already is a RuntimeError:
    docs/copy-into-your-service.md shows what to add to it.
    """
    is_free = isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    if not is_free:
        raise RuntimeError("A provider is installed: add LangfuseBaggageSpanProcessor() to that.")
    resource = Resource.create(
        {
            "service.name": settings.otel_service_name,
            "service.version": settings.agent_version,
            "deployment.environment.name": settings.deployment_environment,
        }
    ).merge(OTELResourceDetector().detect())  # Whoever sets OTEL_RESOURCE_ATTRIBUTES means it.
    provider = TracerProvider(resource=resource, span_limits=span_limits())
    provider.add_span_processor(LangfuseBaggageSpanProcessor())
    spool = Spool(settings.agent_data_dir / "spool", max_bytes=settings.telemetry_spool_max_bytes)
    delivery = Delivery(
        provider,
        endpoint=settings.otel_exporter_otlp_traces_endpoint,
        shutdown_timeout_seconds=settings.telemetry_shutdown_timeout_seconds,
        spool=spool if settings.telemetry_spool else None,
    )
    exporter = OTLPSpanExporter(
        endpoint=settings.otel_exporter_otlp_traces_endpoint,
        timeout=settings.otel_exporter_otlp_timeout_seconds,
        headers=settings.otlp_headers,
        session=delivery.session,
    )
    counted = delivery.count(exporter)
    batches = BatchSpanProcessor(
        counted if settings.telemetry_exception_details else WithoutExceptionDetails(counted),
        max_queue_size=settings.otel_bsp_max_queue_size,
        schedule_delay_millis=settings.otel_bsp_schedule_delay_millis,
        max_export_batch_size=settings.otel_bsp_max_export_batch_size,
        export_timeout_millis=settings.otel_bsp_export_timeout_millis,
    )
    provider.add_span_processor(delivery.watch(batches))
    trace.set_tracer_provider(provider)
    # OpenTelemetry's default also sends baggage to, and takes it from, every instrumented host.
    propagate.set_global_textmap(TrustedHostsPropagator())
    return provider
