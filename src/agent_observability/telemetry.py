"""The one export path: spans, enriched with Langfuse's context, batched, sent over OTLP/HTTP.

To copy it, take along what it imports from here, all of it free of the agent; in a service that
has a provider of its own, `LangfuseBaggageSpanProcessor` and `langfuse_context.py` are enough.
"""

import logging
import os
import threading
from collections.abc import Collection

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .config import settings
from .delivery import Delivery
from .langfuse_context import langfuse_attributes
from .propagation import TrustedHostsPropagator
from .redaction import WithoutExceptionDetails
from .spool import Spool

__all__ = ["LangfuseBaggageSpanProcessor", "configure_tracing", "new_delivery"]

# The SDK's 128 would evict the oldest first, and those are session, user and tags.
_MAX_SPAN_ATTRIBUTES = 4096
_LIMIT_VARIABLES = ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")
_log = logging.getLogger(__name__)


class LangfuseBaggageSpanProcessor(SpanProcessor):
    """Copies the trace context that `langfuse_trace_context()` entered to every span inside it."""

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp the span with the context it starts in; never raise into the application."""
        try:
            # None is the current context; an empty one is falsy, and means "no context".
            attributes = langfuse_attributes(parent_context)
            if attributes:
                span.set_attributes(attributes)
        except Exception:  # noqa: BLE001 - the SDK would let it through to whoever starts a span
            _log.exception("A span starts without its Langfuse context.")


class _Installed:
    """What this process exports through; a global provider can be set only once."""

    lock = threading.Lock()
    delivery: Delivery | None = None


def configure_tracing(
    delivery: Delivery | None = None,
    *,
    threads: bool = False,
    trusted_hosts: Collection[str] = (),
    exception_details: bool = False,
) -> TracerProvider:
    """Install the global tracer provider, and `traceparent` as all that crosses the process.

    A second call changes nothing while the first is running, and exports again once that one is
    shut down. A provider that somebody else installed before is used, not replaced.

    Args:
        delivery: Counts what was delivered; pass one to report it.
        threads: Carry the context into threads, pools and timers. Needs the extra `threads`;
            without it, hand `contextvars.copy_context().run` to the thread.
        trusted_hosts: Exact names of hosts that get the trace context as a baggage header.
        exception_details: Export exception messages and stack traces, whatever is in them.

    Returns:
        The provider. Shut it down, or spans that wait in the batch are lost.
    """
    with _Installed.lock:
        provider = _global_provider()
        if _Installed.delivery is None:
            provider.add_span_processor(LangfuseBaggageSpanProcessor())
        elif not _Installed.delivery.is_closed:
            return provider
        _Installed.delivery = delivery or new_delivery()
        provider.add_span_processor(_batches(_Installed.delivery, exception_details))
    # OpenTelemetry's default also sends baggage to, and accepts it from, every instrumented host.
    propagate.set_global_textmap(TrustedHostsPropagator(trusted_hosts))
    if threads:
        _instrument_threads()
    return provider


def new_delivery() -> Delivery:
    """Return a Delivery as the settings say."""
    directory = settings.agent_data_dir / "spool"
    limit = settings.telemetry_spool_max_mib * 2**20
    return Delivery(
        shutdown_timeout_seconds=settings.telemetry_shutdown_timeout_seconds,
        spool=Spool(directory, max_bytes=limit) if settings.telemetry_spool else None,
    )


def _global_provider() -> TracerProvider:
    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        return installed
    resource = Resource.create(
        {
            "service.name": settings.otel_service_name,
            "service.version": settings.agent_version,
            "deployment.environment.name": settings.deployment_environment,
        }
    )
    is_limited = any(map(os.environ.get, _LIMIT_VARIABLES))
    limits = SpanLimits(max_span_attributes=None if is_limited else _MAX_SPAN_ATTRIBUTES)
    # At exit it is too late to start the threads that bound a shutdown.
    provider = TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    return provider


def _batches(delivery: Delivery, exception_details: bool) -> SpanProcessor:  # noqa: FBT001 - private
    exporter = delivery.exporter(
        endpoint=settings.otel_exporter_otlp_traces_endpoint,
        timeout_seconds=settings.otel_exporter_otlp_timeout_seconds,
    )
    return delivery.watch(
        BatchSpanProcessor(
            exporter if exception_details else WithoutExceptionDetails(exporter),
            max_queue_size=settings.otel_bsp_max_queue_size,
            schedule_delay_millis=settings.otel_bsp_schedule_delay_millis,
            max_export_batch_size=settings.otel_bsp_max_export_batch_size,
            export_timeout_millis=settings.otel_bsp_export_timeout_millis,
        )
    )


def _instrument_threads() -> None:
    try:
        from opentelemetry.instrumentation.threading import (  # noqa: PLC0415 - an extra
            ThreadingInstrumentor,
        )
    except ImportError as error:
        raise RuntimeError(
            "configure_tracing(threads=True) needs opentelemetry-instrumentation-threading:"
            " install the extra agent-observability-demo[threads]."
        ) from error
    ThreadingInstrumentor().instrument()
