"""configure_tracing(): one provider a process, nothing lost or doubled, nothing let out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from agent_observability.langfuse_context import langfuse_trace_context
from langfuse_otel.propagation import TrustedHostsPropagator
from langfuse_otel.redaction import WithoutExceptionDetails
from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[2]
PRELUDE = """
import json, os, sys
from opentelemetry import trace, propagate
from langfuse_otel.delivery import Delivery
from agent_observability.telemetry import configure_tracing
from agent_observability.langfuse_context import langfuse_trace_context
def turn(session):
    return langfuse_trace_context(session_id=session, user_id="u", trace_name="t", version="1",
                                  tags=(), metadata={})
def span(name="span"):
    trace.get_tracer("tests").start_span(name).end()
"""


def run(receiver: Sink, script: str, **environment: str) -> Any:
    """Run a script in a process of its own and return what it prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.endpoint,
            **environment,
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return json.loads(done.stdout)


def test_the_chapters_main_delivers() -> None:
    """force_flush() and shutdown() as the chapter has them: True, and every span is there once."""
    with sink("accepts") as receiver:
        flushed = run(
            receiver,
            "provider = configure_tracing()\n"
            "for _ in range(20): span()\n"
            "print(json.dumps(provider.force_flush(timeout_millis=5000)))\n"
            "provider.shutdown()\n",
        )
        assert flushed is True
        assert len(receiver.span_ids) == len(set(receiver.span_ids)) == 20


def test_a_provider_that_is_there_already_is_an_error() -> None:
    """Ours or another instrumentation's: the sentence says what to add to it instead."""
    for install in ("configure_tracing()", "trace.set_tracer_provider(TracerProvider())"):
        with sink("accepts") as receiver:
            said = run(
                receiver,
                "from opentelemetry.sdk.trace import TracerProvider\n"
                f"{install}\n"
                "try: configure_tracing()\n"
                "except RuntimeError as error: print(json.dumps(str(error)))\n",
            )
        assert "add LangfuseBaggageSpanProcessor() to that" in said


def test_forked_workers_lose_and_double_nothing() -> None:
    """Configured before the fork, as gunicorn preloads: each process delivers its own spans."""
    with sink("accepts") as receiver:
        counts = run(
            receiver,
            "provider = configure_tracing()\ndelivery = Delivery.of(provider)\n"
            "span(); provider.force_flush(); span('waits in the parent')\n"
            "reader, writer = os.pipe()\n"
            "for number in range(4):\n"
            "    if os.fork() == 0:\n"
            "        for _ in range(25): span()\n"
            "        provider.shutdown()\n"
            "        report = delivery.report()\n"
            "        os.write(writer, f'{report.delivered},{report.lost} '.encode())\n"
            "        os._exit(0)\n"
            "for number in range(4): os.wait()\n"
            "for _ in range(25): span()\n"
            "provider.shutdown()\n"
            "report = delivery.report()\n"
            "os.close(writer)\n"
            "children = sorted(os.read(reader, 1000).decode().split())\n"
            "print(json.dumps([[report.delivered, report.lost], children]))\n",
        )
        assert counts == [[27, 0], ["25,0"] * 4]
        assert len(receiver.span_ids) == len(set(receiver.span_ids)) == 127


def test_hundreds_of_attributes_do_not_push_the_ids_out() -> None:
    """configure_tracing() raises the SDK's limit of 128, unless the reader has set one."""
    script = (
        "provider = configure_tracing()\n"
        "with turn('conv_1'):\n"
        "    s = trace.get_tracer('t').start_span('s')\n"
        "    s.set_attributes({f'a{n}': n for n in range(600)})\n"
        "provider.shutdown()\n"
        "print(json.dumps([s.attributes.get('langfuse.session.id'), len(s.attributes)]))\n"
    )
    with sink("accepts") as receiver:
        assert run(receiver, script) == ["conv_1", 604]
        assert run(receiver, script, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="200")[1] == 200


def test_baggage_does_not_cross_the_process() -> None:
    """The global propagator writes traceparent alone, and takes no baggage from a header."""
    with sink("accepts") as receiver:
        sent, taken = run(
            receiver,
            "from opentelemetry import baggage\n"
            "provider = configure_tracing()\n"
            "carrier = {}\n"
            "with turn('conv_1'), trace.get_tracer('t').start_as_current_span('s'):\n"
            "    propagate.inject(carrier)\n"
            "forged = propagate.extract({'baggage': 'langfuse.user.id=x', **carrier})\n"
            "provider.shutdown()\n"
            "print(json.dumps([sorted(carrier), dict(baggage.get_all(forged))]))\n",
        )
    assert sent == ["traceparent"]
    assert taken == {}


def test_a_trusted_host_gets_the_allowed_keys_and_no_other_host_anything() -> None:
    """Exact names only; other baggage stays; a header copied along a redirect is taken away."""
    propagator = TrustedHostsPropagator(["orders.internal"])
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    with langfuse_trace_context(
        session_id="conv_1",
        user_id="u",
        trace_name="t",
        version="1",
        tags=("a,b",),
        metadata={},
    ):
        context = baggage.set_baggage("secret", "x")

        def sent(url: str, kind: SpanKind = SpanKind.CLIENT) -> dict[str, str]:
            span = tracer.start_span("GET", context, kind=kind, attributes={"url.full": url})
            carrier = {"baggage": "from=the-last-request"}
            propagator.inject(carrier, trace.set_span_in_context(span, context))
            return carrier

        trusted = sent("https://orders.internal/x")
        found = baggage.get_all(W3CBaggagePropagator().extract(trusted))
        assert found["langfuse.session.id"] == "conv_1"
        assert "secret" not in found
        assert "traceparent" in trusted
        for url in (
            "https://example.com/",
            "https://orders.internal.example.com/",
            "https://x.orders.internal/",
            "https://orders.internal@example.com/",
            "",
        ):
            assert set(sent(url)) == {"traceparent"}
        assert set(sent("https://orders.internal/", SpanKind.INTERNAL)) == {"traceparent"}
    with pytest.raises(TypeError, match="collection of host names"):
        TrustedHostsPropagator("orders.internal")


def exported(exporter_type: type[WithoutExceptionDetails] | None) -> ReadableSpan:
    """A span that an exception left, as it is exported."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        SimpleSpanProcessor(exporter_type(memory) if exporter_type else memory)
    )
    tracer = provider.get_tracer("tests")
    with pytest.raises(ValueError, match="jane"), tracer.start_as_current_span("work"):
        raise ValueError("jane@example.com failed")
    [span] = memory.get_finished_spans()
    return span


def test_exceptions_are_exported_without_what_they_said() -> None:
    """Type and error status stay; message, stack trace and description do not leave."""
    assert "jane" in exported(None).to_json()
    span = exported(WithoutExceptionDetails)
    assert "jane" not in span.to_json()
    assert span.status.status_code is StatusCode.ERROR
    assert [dict(event.attributes or {}).get("exception.type") for event in span.events] == [
        "ValueError"
    ]
