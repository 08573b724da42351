"""The same context, eight attributes, as each implementation enters it and puts it on spans."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from langfuse import propagate_attributes
from langfuse._client.span_processor import LangfuseSpanProcessor
from logfire import set_baggage
from logfire._internal.baggage import DirectBaggageAttributesSpanProcessor
from openinference.instrumentation import OITracer, TraceConfig, using_attributes
from opentelemetry import baggage, context
from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer
from traceloop.sdk.tracing.tracing import (
    default_span_processor_on_start,
    set_association_properties,
)

from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import LangfuseBaggageSpanProcessor

__all__ = ["PEERS", "Peer"]

TAGS = ("order-status", "langgraph")
METADATA = {"environment": "development", "workflow": "order-status", "region": "eu"}
TAGS_KEY = "app.langfuse.trace.tags"

Enter = Callable[[str, str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Peer:
    """How to get a tracer, enter a context for a session and a user, and start a span in it."""

    tracer: Callable[[], Tracer]
    enter: Enter
    attributes: Callable[[str, str], Mapping[str, Any]] | None = None


def _attributes(session: str, user: str) -> dict[str, Any]:
    return {
        "langfuse.session.id": session,
        "langfuse.user.id": user,
        "langfuse.trace.name": "order-status-turn",
        "langfuse.version": "local",
        **{f"langfuse.trace.metadata.{key}": value for key, value in METADATA.items()},
        "langfuse.trace.tags": TAGS,
    }


def _entries(session: str, user: str) -> dict[str, str]:
    entries = _attributes(session, user)
    del entries["langfuse.trace.tags"]
    return {**entries, TAGS_KEY: ",".join(TAGS)}


_KEYS = tuple(key for key in _entries("", "") if key != TAGS_KEY)


class _ChaptersProcessor(SpanProcessor):
    """The chapter's literal text."""

    def on_start(self, span: Any, parent_context: context.Context | None = None) -> None:
        current = parent_context or context.get_current()
        entries = baggage.get_all(current)
        for key in _KEYS:
            value = entries.get(key)
            if value is not None:
                span.set_attribute(key, value)
        tags = entries.get(TAGS_KEY)
        if tags:
            span.set_attribute("langfuse.trace.tags", [tag for tag in str(tags).split(",") if tag])


@contextmanager
def _chapters_context(session: str, user: str) -> Iterator[None]:
    current = context.get_current()
    entries = {
        "langfuse.session.id": session,
        "langfuse.user.id": user,
        "langfuse.trace.name": "order-status-turn",
        "langfuse.version": "local",
        "langfuse.trace.metadata.environment": METADATA["environment"],
        "langfuse.trace.metadata.workflow": METADATA["workflow"],
        "langfuse.trace.metadata.region": METADATA["region"],
        TAGS_KEY: ",".join(TAGS),
    }
    for key, value in entries.items():
        current = baggage.set_baggage(key, value, context=current)
    token = context.attach(current)
    try:
        yield
    finally:
        context.detach(token)


def _ours(session: str, user: str) -> AbstractContextManager[None]:
    return langfuse_trace_context(
        session_id=session,
        user_id=user,
        trace_name="order-status-turn",
        version="local",
        tags=TAGS,
        metadata=METADATA,
    )


def _langfuse(session: str, user: str) -> AbstractContextManager[Any]:
    return propagate_attributes(
        user_id=user,
        session_id=session,
        metadata=METADATA,
        version="local",
        tags=list(TAGS),
        trace_name="order-status-turn",
    )


def _openinference(session: str, user: str) -> AbstractContextManager[Any]:
    metadata = {**METADATA, "trace_name": "order-status-turn", "version": "local"}
    return using_attributes(session_id=session, user_id=user, metadata=metadata, tags=list(TAGS))


@contextmanager
def _traceloop(session: str, user: str) -> Iterator[None]:
    # Its own API has no way out of the context again.
    before = context.get_current()
    set_association_properties(_entries(session, user))
    yield
    context.attach(before)


@contextmanager
def _logfire(session: str, user: str) -> Iterator[None]:
    with set_baggage(**_entries(session, user)):
        yield


class _TraceloopProcessor(SpanProcessor):
    def on_start(self, span: Any, parent_context: context.Context | None = None) -> None:
        default_span_processor_on_start(span, parent_context)


class _Nowhere(SpanExporter):
    def export(self, _spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class _LangfuseOnStart(LangfuseSpanProcessor):
    """Langfuse's on_start alone: queueing and exporting cost every peer the same."""

    def on_end(self, span: ReadableSpan) -> None:
        pass


def _langfuse_processor() -> SpanProcessor:
    return _LangfuseOnStart(
        public_key="pk", secret_key="sk", base_url="http://localhost:9", span_exporter=_Nowhere()
    )


def _provider(*processors: SpanProcessor) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider


def _plain(*processors: Callable[[], SpanProcessor]) -> Callable[[], Tracer]:
    return lambda: _provider(*(make() for make in processors)).get_tracer("benchmark")


def _oi_tracer() -> Tracer:
    return OITracer(_provider().get_tracer("benchmark"), TraceConfig())


def _nothing(_session: str, _user: str) -> AbstractContextManager[None]:
    return nullcontext()


PEERS: dict[str, Peer] = {
    "no context": Peer(_plain(SpanProcessor), _nothing),
    "attributes at start_span (floor)": Peer(_plain(SpanProcessor), _nothing, _attributes),
    "this project": Peer(_plain(LangfuseBaggageSpanProcessor), _ours),
    "the chapter, literally": Peer(_plain(_ChaptersProcessor), _chapters_context),
    "opentelemetry-processor-baggage": Peer(
        _plain(lambda: BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS)), _chapters_context
    ),
    "Logfire baggage": Peer(_plain(DirectBaggageAttributesSpanProcessor), _logfire),
    "Traceloop": Peer(_plain(_TraceloopProcessor), _traceloop),
    "Langfuse SDK": Peer(_plain(_langfuse_processor), _langfuse),
    "OpenInference": Peer(_oi_tracer, _openinference),
}
