"""Spans per second, and CPU per span, from the agent to acknowledged: this project and Langfuse.

The same spans, the same receiver in a process of its own, a fresh process per run, in turns.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median
from urllib.parse import urlsplit

__all__ = ["throughput"]

SPANS, ROUNDS = 10_000, 7
SENDERS = ("this project", "Langfuse SDK", "Langfuse SDK, no gzip")


def throughput() -> dict[str, dict[str, float]]:
    """Return the medians of spans per second and CPU seconds per span, by sender."""
    command = [sys.executable, "-m", "support.otlp_sinks"]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SENDERS}
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as receiver:
        assert receiver.stdin
        assert receiver.stdout
        endpoint = receiver.stdout.readline().strip()
        for _ in range(ROUNDS):
            for name in SENDERS:
                found[name].append(_run(name, endpoint))
                receiver.stdin.write("\n")
                receiver.stdin.flush()
                stored = int(receiver.stdout.readline())
                if stored != SPANS:
                    raise RuntimeError(f"{name}: {stored} of {SPANS} spans arrived.")
        receiver.stdin.close()
    return {
        name: {key: median(run[key] for run in runs) for key in runs[0]}
        for name, runs in found.items()
    }


def _run(name: str, endpoint: str) -> dict[str, float]:
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
        "OTEL_BSP_MAX_QUEUE_SIZE": str(SPANS),
    }
    command = [sys.executable, "-m", "benchmarks.throughput", name]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _send(name: str) -> dict[str, float]:
    from .peers import PEERS  # noqa: PLC0415 - in the sending process alone

    provider = _ours() if name == "this project" else _langfuse(gzip="no gzip" not in name)
    peer = PEERS[name.partition(",")[0]]
    tracer = provider.get_tracer("benchmark")
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "order-model"}
    with peer.enter("conv_warm", "usr_warm"):
        cpu, wall = time.process_time(), time.perf_counter()
    with peer.enter("conv_82d9535867844b4c8cdff", "usr_pseudo_7f31c2"):
        for _ in range(SPANS):
            tracer.start_span("chat order-model", attributes=attributes).end()
    provider.force_flush(60_000)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    provider.shutdown()
    return {"per_second": SPANS / wall, "cpu_seconds": cpu / SPANS}


def _ours():
    from agent_observability.telemetry import configure_tracing  # noqa: PLC0415 - as above

    return configure_tracing()


def _langfuse(*, gzip: bool):
    from langfuse import Langfuse  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above

    address = urlsplit(os.environ.pop("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
    provider = TracerProvider(shutdown_on_exit=False)
    Langfuse(
        public_key="pk",
        secret_key="sk",
        base_url=f"http://{address.netloc}",
        tracer_provider=provider,
        otel_compression="gzip" if gzip else "none",
    )
    return provider


if __name__ == "__main__":
    print(json.dumps(_send(sys.argv[1])))
