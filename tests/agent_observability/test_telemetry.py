"""configure_tracing(): one provider a process, nothing lost or doubled, nothing let out."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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


def test_what_is_left_at_exit_is_delivered() -> None:
    """Without the chapter's last two calls, too."""
    with sink("accepts") as receiver:
        run(receiver, "configure_tracing()\nfor _ in range(20): span()\nprint('null')\n")
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


def test_the_readers_own_opentelemetry_variables_win() -> None:
    """Resource attributes, propagators and the general endpoint do what OpenTelemetry says."""
    with sink("accepts") as receiver:
        resource, carrier, delivered = run(
            receiver,
            "provider = configure_tracing()\n"
            "carrier = {}\n"
            "with turn('conv_1'), trace.get_tracer('t').start_as_current_span('s'):\n"
            "    propagate.inject(carrier)\n"
            "provider.shutdown()\n"
            "delivered = Delivery.of(provider).report().delivered\n"
            "print(json.dumps([dict(provider.resource.attributes), carrier, delivered]))\n",
            OTEL_RESOURCE_ATTRIBUTES="service.name=shop,service.version=7,"
            "deployment.environment.name=staging,team=a%20b",
            OTEL_PROPAGATORS="baggage",
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint.removesuffix("/v1/traces"),
        )
    assert (
        resource.items()
        >= {
            "service.name": "shop",
            "service.version": "7",
            "deployment.environment.name": "staging",
            "team": "a b",
        }.items()
    )
    assert carrier == {}
    assert delivered == 1


def test_headers_of_an_env_file_reach_the_receiver(tmp_path: Path) -> None:
    """As the delivery line advises: a receiver's credentials may stand there."""
    (tmp_path / ".env").write_text("OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20c2VjcmV0\n")
    received: list[str | None] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run(
            [sys.executable, "-c", PRELUDE + "p = configure_tracing()\nspan()\np.shutdown()\n"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "src"),
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            },
            check=True,
            timeout=30,
        )
        server.shutdown()
    assert received == ["Basic c2VjcmV0"]
