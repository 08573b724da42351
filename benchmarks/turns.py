"""A whole turn with telemetry on against off, and how long the program takes to start."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

__all__ = ["starts", "turns"]

ROUNDS, TURNS = 7, 20
# Not the peers' environment: there pydantic loads Logfire's plugin, in this program too.
PROJECT = os.environ.get("PROJECT_PYTHON") or str(Path(".venv/bin/python").absolute())
COLD_STARTS = {
    "importing langgraph": ["-c", "import langgraph.graph"],
    "the demo's turn": ["-m", "agent_observability.main"],
    "--help": ["-m", "agent_observability.main", "--help"],
    "a bad setting": ["-m", "agent_observability.main"],
}


def turns() -> dict[str, float]:
    """Return the median ratio of a turn with telemetry to one without, by what the model waits."""
    found = {}
    with subprocess.Popen(
        [sys.executable, "-m", "support.otlp_sinks"], stdin=-1, stdout=-1, text=True
    ) as receiver:
        assert receiver.stdin
        assert receiver.stdout
        environment = {
            **os.environ,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.stdout.readline().strip(),
            **dict.fromkeys(("CARRIER_DELAY_SECONDS", "STEP_DELAY_SECONDS"), "0"),
        }
        for milliseconds in ("50", "0"):
            pairs = [
                [_child(environment, milliseconds, which) for which in ("on", "off")]
                for _ in range(ROUNDS)
            ]
            found[f"model waits {milliseconds} ms"] = median(on / off for on, off in pairs)
        receiver.stdin.close()
    return found


def starts() -> dict[str, float]:
    """Return the median CPU seconds of a process, by what it does; nothing is listening."""
    seconds: dict[str, list[float]] = {name: [] for name in COLD_STARTS}
    for _ in range(ROUNDS):
        for name, arguments in COLD_STARTS.items():
            seconds[name].append(_cpu(name, arguments))
    return {name: median(each) for name, each in seconds.items()}


def _cpu(name: str, arguments: list[str]) -> float:
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:9/v1/traces",
    }
    if name == "a bad setting":
        environment["DEPLOYMENT_ENVIRONMENT"] = "nowhere"
    before = os.times()
    subprocess.run([PROJECT, *arguments], env=environment, capture_output=True, check=False)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def _child(environment: dict[str, str], milliseconds: str, which: str) -> float:
    command = [sys.executable, "-m", "benchmarks.turns", milliseconds, which]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _measure(milliseconds: str, which: str) -> float:
    from agent_observability import graph  # noqa: PLC0415 - in the measured process alone
    from agent_observability.models import scripted  # noqa: PLC0415 - as above
    from agent_observability.telemetry import configure_tracing  # noqa: PLC0415 - as above

    from .peers import METADATA, TAGS, _ours  # noqa: F401, PLC0415 - as above

    answer = scripted.ScriptedChatModel._generate

    def slowly(*args, **options):
        time.sleep(int(milliseconds) / 1000)
        return answer(*args, **options)

    scripted.ScriptedChatModel._generate = slowly
    provider = configure_tracing() if which == "on" else None
    state = {
        "query": "Where is my order?",
        "conversation_id": "conv_bench",
        "order_reference": "ORDER-924",
        "region": "eu",
    }
    seconds = []
    for number in range(TURNS):
        began = time.perf_counter()
        if provider:
            with _ours(f"conv_{number}", "usr_pseudo_7f31c2"):
                graph.run_agent(state)
        else:
            graph.run_agent(state)
        seconds.append(time.perf_counter() - began)
    if provider:
        provider.shutdown()
    return median(seconds)


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
