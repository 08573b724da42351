"""SIGTERM and Ctrl-C: a command ends soon, says what was delivered, and has their exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[3]
MODULES = {
    "main": (),
    "commands.ask": (),
    "commands.conversation": (),
    "commands.cohort": ("--users=2000",),
}


def start(receiver: Sink, folder: Path, module: str, **variables: str) -> subprocess.Popen[str]:
    """Start a command whose carrier takes its time, and wait until its first span has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"agent_observability.{module}", *MODULES[module]],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY_MILLIS": "50",
            "CARRIER_DELAY_SECONDS": "1.5",
            "CARRIER_DEADLINE_SECONDS": "50",
            "TELEMETRY_SHUTDOWN_TIMEOUT_SECONDS": "1",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not receiver.requests and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Sink]:
    with sink("accepts") as receiver:
        yield receiver


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_with_the_delivery_line(
    receiver: Sink, tmp_path: Path, module: str, number: signal.Signals, code: int
) -> None:
    """Every span that ended is delivered and counted, within seconds, and nothing is a traceback."""
    process = start(receiver, tmp_path, module)
    process.send_signal(number)
    began = time.monotonic()
    printed, said = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert (process.returncode, said) == (code, "Interrupted.\n")
    assert f"{len(set(receiver.span_ids))} delivered, 0 failed, 0 dropped" in printed


def test_a_signal_ends_a_command_whose_receiver_hangs(tmp_path: Path) -> None:
    """The time to deliver is bounded, a second signal changes nothing, and the line has the cause."""
    with sink("hangs") as receiver:
        process = start(receiver, tmp_path, "main")
        process.terminate()
        began = time.monotonic()
        time.sleep(0.3)
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert time.monotonic() - began < 6
    assert process.returncode == 143
    assert "it did not answer in time" in said
    assert "Traceback" not in said


def test_a_signal_ends_a_turn_that_nothing_interrupts(receiver: Sink, tmp_path: Path) -> None:
    """The steps that have ended are delivered; the one under way is not waited for."""
    process = start(receiver, tmp_path, "main", CARRIER_DELAY_SECONDS="40")
    process.terminate()
    began = time.monotonic()
    printed, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 6
    assert process.returncode == 143
    assert f"{len(set(receiver.span_ids))} delivered, 0 failed, 0 dropped" in printed
    assert said == "Interrupted.\n"
