"""A span that is left at the interpreter's exit arrives, as with the SDK alone, or is given up."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[3]
SCRIPT = """
import atexit, os, sys
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from langfuse_otel.delivery import Delivery
def deliver(**options):
    provider = TracerProvider(**options)
    delivery = Delivery(provider, endpoint=sys.argv[1])
    exporter = OTLPSpanExporter(endpoint=sys.argv[1], session=delivery.session)
    provider.add_span_processor(delivery.watch(BatchSpanProcessor(delivery.count(exporter))))
    return provider, delivery
def spans(provider, count=20):
    for _ in range(count): provider.get_tracer("tests").start_span("span").end()
"""
ENDS = {
    "the SDK's own hook": "provider, delivery = deliver()\nspans(provider)\n",
    "a hook of the application": (
        "provider, delivery = deliver(shutdown_on_exit=False)\n"
        "@atexit.register\n"
        "def end():\n"
        "    spans(provider, 5)\n"
        "    assert provider.force_flush(5000) is True\n"
        "    spans(provider, 5)\n"
        "    provider.shutdown()\n"
        "    assert delivery.report().delivered == 20, delivery.report()\n"
        "spans(provider, 10)\n"
    ),
    "a child's": (
        "provider, delivery = deliver()\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "spans(provider, 10)\n"
    ),
}


def run(receiver: Sink, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            SCRIPT + script,
            receiver.endpoint,
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("name", ENDS)
def test_what_is_left_at_exit_arrives(name: str) -> None:
    """Every span, once, and nothing is said: no thread has to start that late."""
    with sink("accepts") as receiver:
        done = run(receiver, ENDS[name])
        assert len(set(receiver.span_ids)) == len(receiver.span_ids) == 20
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("mode", ["hangs", "trickles", "503", "black hole"])
def test_an_exit_is_bounded(mode: str) -> None:
    """A receiver that does not take them holds the process for the shutdown's time and no more."""
    with sink(mode) as receiver:
        began = time.monotonic()
        done = run(receiver, ENDS["the SDK's own hook"])
    assert time.monotonic() - began < 2.5 + 2.5  # The second is for Python and its imports.
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
