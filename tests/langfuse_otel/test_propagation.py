"""What crosses the process: baggage to trusted hosts alone, and nothing of the application's lost."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, TraceFlags

from langfuse_otel import ContextPolicy, attach, restore
from langfuse_otel.propagation import TrustedHostsPropagator, TrustedHostsSampler

SESSION = "langfuse.session.id"
TRUSTED = "https://orders.internal/x"
ELSEWHERE = "https://example.com/"
provider = TracerProvider(shutdown_on_exit=False)


@pytest.fixture(autouse=True)
def _turn() -> Iterator[None]:
    policy = ContextPolicy(metadata={"channel": frozenset({"web"})})
    fields = policy.check(
        session_id="conv_1",
        user_id="u",
        trace_name="t",
        version="1",
        tags=(),
        metadata={"channel": "web"},
    )
    channel = {"langfuse.trace.metadata.channel": fields.metadata["channel"]}
    entries = {SESSION: fields.session_id, "tenant": "a,b", **channel}
    block = attach(attributes=entries, entries=entries)
    token = context.attach(baggage.set_baggage("secret", "x"))
    yield
    context.detach(token)
    restore(block)


def sent(
    url: str,
    headers: dict[str, str] | None = None,
    *,
    kind: SpanKind = SpanKind.CLIENT,
    source: TracerProvider = provider,
) -> dict[str, str]:
    """Return the headers of a request, as an instrumented client sends them."""
    span = source.get_tracer("tests").start_span("GET", kind=kind, attributes={"url.full": url})
    carrier = dict(headers or {})
    TrustedHostsPropagator(["orders.internal"]).inject(carrier, trace.set_span_in_context(span))
    span.end()
    return carrier


def entries(headers: dict[str, str]) -> dict[str, Any]:
    """Return the baggage of the headers, as its receiver reads it."""
    return dict(baggage.get_all(W3CBaggagePropagator().extract(headers, context.Context())))


def test_a_trusted_host_gets_what_was_checked() -> None:
    """All entries of the block, metadata of the policy's own keys among them, and no others."""
    headers = sent(TRUSTED)
    assert entries(headers) == {
        SESSION: "conv_1",
        "tenant": "a,b",
        "langfuse.trace.metadata.channel": "web",
    }
    assert "traceparent" in headers


@pytest.mark.parametrize(
    "url",
    [
        ELSEWHERE,
        "https://orders.internal.example.com/",
        "https://x.orders.internal/",
        "https://orders.internal@example.com/",
        "",
    ],
)
def test_no_other_host_gets_anything(url: str) -> None:
    """Exact names only, and client spans alone."""
    assert set(sent(url)) == {"traceparent"}
    assert set(sent(TRUSTED, kind=SpanKind.INTERNAL)) == {"traceparent"}


def test_a_header_of_the_application_stays() -> None:
    """Its members go where it sends them, alone or beside ours; ours never go along."""
    own = {"baggage": "channel=app;ttl=1,region=eu"}
    assert sent(ELSEWHERE, own)["baggage"] == own["baggage"]
    assert entries(sent(TRUSTED, own)).items() >= {"region": "eu", SESSION: "conv_1"}.items()
    redirected = sent(ELSEWHERE, sent(TRUSTED, own))
    assert redirected["baggage"] == own["baggage"]
    assert "baggage" not in sent(ELSEWHERE, sent(TRUSTED))
    assert entries(sent(TRUSTED, sent(TRUSTED))) == entries(sent(TRUSTED))


def test_an_unsampled_request_has_baggage_for_a_trusted_host() -> None:
    """With the sampler its span knows the host, is not exported, and baggage goes along."""
    memory = InMemorySpanExporter()
    sampler = TrustedHostsSampler(ParentBased(ALWAYS_OFF))
    recording = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    recording.add_span_processor(SimpleSpanProcessor(memory))
    headers = sent(TRUSTED, source=recording)
    assert entries(headers)[SESSION] == "conv_1"
    assert not int(headers["traceparent"][-2:], 16) & TraceFlags.SAMPLED
    assert "baggage" not in sent(ELSEWHERE, source=recording)
    inside = recording.get_tracer("tests").start_span("inside")
    assert not inside.is_recording()
    assert not memory.get_finished_spans()
    assert sampler.get_description().startswith("TrustedHostsSampler{ParentBased")
    dropped = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    assert "baggage" not in sent(TRUSTED, source=dropped)


def test_the_process_format_for_the_parent_span_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OTEL_PROPAGATORS chose carries the span; baggage in its own headers does not leave."""

    class Vendor(TextMapPropagator):
        fields = {"x-span"}  # noqa: RUF012 - the base class has it as a property

        def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Any:
            assert getter
            span = trace.NonRecordingSpan(
                trace.SpanContext(1, int(carrier["x-span"]), is_remote=True)
            )
            return baggage.set_baggage("x", "y", trace.set_span_in_context(span, context))

        def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
            setter.set(carrier, "x-span", str(dict(baggage.get_all(context))))

    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", Vendor())
    assert sent(ELSEWHERE) == {"x-span": "{}"}
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", TrustedHostsPropagator(["example.com"]))
    assert sent(ELSEWHERE) == {"x-span": "{}"}
    extracted = TrustedHostsPropagator().extract({"x-span": "7"})
    assert trace.get_current_span(extracted).get_span_context().span_id == 7
    assert not baggage.get_all(extracted)
    assert TrustedHostsPropagator().fields == {"x-span"}


def test_nothing_is_taken_from_a_header() -> None:
    """The parent span is; the context that is handed in stays as it was."""
    headers = {"baggage": "langfuse.user.id=x", **sent(ELSEWHERE)}
    extracted = TrustedHostsPropagator().extract(headers)
    assert set(baggage.get_all(extracted)) == set()
    assert trace.get_current_span(extracted).get_span_context().is_remote
    assert TrustedHostsPropagator().extract({}) == {}


def test_one_text_is_no_collection_of_hosts(caplog: pytest.LogCaptureFixture) -> None:
    """Its letters would be the hosts."""
    with pytest.raises(TypeError, match="collection of host names"):
        TrustedHostsPropagator("orders.internal")
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
