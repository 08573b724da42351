"""The spans that the local backend is measured with, and the processes that take them."""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "ROOT",
    "SPANS",
    "Ratio",
    "Server",
    "local",
    "median",
    "post",
    "request",
    "requests",
    "running",
]

ROOT = Path(__file__).parents[1]
SPANS = 512  # of one request: the SDK's default batch, 64 turns of 8 spans
_TURNS = SPANS // 8
_START = 1_795_168_800
_RESOURCE = {
    "service.name": "order-status-agent",
    "deployment.environment.name": "development",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.1",
}
_STEPS = (
    ("invoke_agent order-status", "agent"),
    ("classify", "chain"),
    ("lookup_order", "chain"),
    ("get_order", "tool"),
    ("retrieve_policy", "retriever"),
    ("answer", "chain"),
    ("chat order-model", "generation"),
    ("remember", "span"),
)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """A running backend."""

    url: str
    traces: str
    pid: int
    folder: Path


@dataclass(frozen=True)
class Ratio:
    """One line of the results: what was compared, and the bar it is held to, if any."""

    name: str
    value: float
    bar: str = "-"


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def requests(count: int, first: int = 0) -> Iterator[bytes]:
    """Requests of 512 spans each as the demo's agent sends them, in protobuf."""
    return (request(number) for number in range(first, first + count))


def request(number: int) -> bytes:
    """Request `number`, always the same bytes: 4 turns make a session, 40 a user."""
    chance = random.Random(number)  # noqa: S311 - the same load in every run
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    _put(resource_spans.resource, _RESOURCE)
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "agent_observability"
    for turn in range(number * _TURNS, (number + 1) * _TURNS):
        _add_turn(scope_spans, turn, chance)
    return message.SerializeToString()


def post(url: str, body: bytes, content_type: str = "application/x-protobuf") -> int:
    """Send a body; the status of the answer."""
    sent = urllib.request.Request(url, body, {"Content-Type": content_type})  # noqa: S310 - loopback
    with _OPENER.open(sent, timeout=120) as answer:
        answer.read()
        return int(answer.status)


@contextmanager
def local(folder: Path) -> Iterator[Server]:
    """The local backend with its data in the folder."""
    web, otlp = _free_port(), _free_port()
    url, traces = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{otlp}/v1/traces"
    settings = {
        "PYTHONPATH": str(ROOT / "src"),
        "LANGFUSE_BASE_URL": url,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces,
        "LANGFUSE_LOCAL_DATA_DIR": str(folder),
    }
    command = [sys.executable, "-m", "langfuse_local", "serve"]
    with running(command, settings, lambda: _answers(f"{url}/api/public/health")) as pid:
        yield Server(url, traces, pid, folder)


@contextmanager
def running(
    command: list[str], settings: Mapping[str, str], is_up: Callable[[], bool]
) -> Iterator[int]:
    """A process that is up, by its pid; it ends with the context."""
    environment = {**os.environ, **settings}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not is_up():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start.")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def _add_turn(scope_spans: object, turn: int, chance: random.Random) -> None:
    trace, root = chance.randbytes(16), chance.randbytes(8)
    start = (_START + turn) * 10**9
    for number, (name, kind) in enumerate(_STEPS):
        span = scope_spans.spans.add()  # type: ignore[attr-defined]  # protobuf's own container
        span.trace_id, span.span_id = trace, chance.randbytes(8) if number else root
        span.parent_span_id = root if number else b""
        span.name = name
        span.start_time_unix_nano = start + number * 10**6
        span.end_time_unix_nano = span.start_time_unix_nano + chance.randrange(10**6, 10**8)
        _put(span, _context(turn), {"langfuse.observation.type": kind})
        _put(span, _own(name, number, turn))
        tags = span.attributes.add(key="langfuse.trace.tags").value.array_value.values
        tags.add(string_value="order-status")
        tags.add(string_value="langgraph")


def _context(turn: int) -> dict[str, str | int]:
    return {
        "langfuse.session.id": f"conv_{turn // 4:024x}",
        "langfuse.user.id": f"usr_pseudo_{turn // 40:06x}",
        "langfuse.trace.name": "order-status-turn",
        "langfuse.version": "local",
        "langfuse.trace.metadata.environment": "development",
        "langfuse.trace.metadata.workflow": "order-status",
        "langfuse.trace.metadata.region": "eu",
    }


def _own(name: str, number: int, turn: int) -> dict[str, str | int]:
    if number == 0:
        return {
            "langfuse.observation.input": f"Where is my order ORDER-{turn}?",
            "langfuse.observation.output": f"Your order ORDER-{turn} is delayed (the carrier missed"
            " a connection) and should arrive on 2026-12-02.",
        }
    node: dict[str, str | int] = {
        "langfuse.observation.metadata.langgraph_node": name,
        "langfuse.observation.metadata.langgraph_step": str(number),
    }
    if name.startswith("chat"):
        return node | {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "order-model",
            "gen_ai.usage.input_tokens": 120 + turn % 50,
            "gen_ai.usage.output_tokens": 30 + turn % 9,
        }
    return node


def _put(holder: object, *given: Mapping[str, str | int]) -> None:
    for attributes in given:
        for key, value in attributes.items():
            pair = holder.attributes.add(key=key)  # type: ignore[attr-defined]  # as above
            if isinstance(value, int):
                pair.value.int_value = value
            else:
                pair.value.string_value = value


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=2) as answer:
            return bool(answer.status)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
