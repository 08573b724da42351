"""Measure everything and write benchmarks/results.md and results.svg; takes some minutes."""

import importlib.metadata
import logging
import os
import platform
from pathlib import Path

from .chart import bars
from .spans import contexts, spans
from .throughput import throughput
from .turns import starts, turns

FOLDER = Path(__file__).parent
FLOOR, CHAPTER, LANGFUSE = (
    "attributes at start_span (floor)",
    "the chapter, literally",
    "Langfuse SDK",
)
OURS = "this project"
PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-processor-baggage",
    "langfuse",
    "openinference-instrumentation",
    "traceloop-sdk",
    "logfire",
    "langgraph",
)


def main() -> None:
    """Run, in the order of the tables."""
    logging.disable(logging.CRITICAL)
    span, context, sent, cold, turn = spans(), contexts(), throughput(), starts(), turns()
    checks = [
        ("span, to the floor", span[OURS] / span[FLOOR], 1.10),
        ("span, to the chapter", span[OURS] / span[CHAPTER], 0.90),
        ("span, to the Langfuse SDK", span[OURS] / span[LANGFUSE], 0.45),
        ("context, to the chapter", context[OURS] / context[CHAPTER], 1.4),
        ("context, to the Langfuse SDK", context[OURS] / context[LANGFUSE], 0.6),
        ("turn with a model that waits 50 ms, on to off", turn["model waits 50 ms"], 1.10),
        ("turn with a model that waits nothing, on to off", turn["model waits 0 ms"], None),
        ("CPU of a cold turn, to importing langgraph", _cold(cold, "the demo's turn"), 1.15),
        ("CPU of --help, to importing langgraph", _cold(cold, "--help"), 0.25),
        ("CPU of a settings error, to importing langgraph", _cold(cold, "a bad setting"), 0.25),
        ("Langfuse SDK's spans per second, to ours", _slower(sent), 1 / 1.5),
    ]
    text = [_setting(), "", "| ratio of medians | measured | bar |", "|---|---|---|"]
    text += [
        f"| {name} | {value:.2f} | {f'at most {bar:.2f}' if bar else '-'} |"
        for name, value, bar in checks
    ]
    text += ["", "| start and end of a span in the context | to the floor |", "|---|---|"]
    text += [f"| {name} | {seconds / span[FLOOR]:.2f} |" for name, seconds in span.items()]
    text += ["", "| entering and leaving the context | to the chapter |", "|---|---|"]
    text += [f"| {name} | {seconds / context[CHAPTER]:.2f} |" for name, seconds in context.items()]
    text += [
        "",
        "| from the agent to acknowledged | spans/s, to ours | CPU per span, to ours |",
        "|---|---|---|",
    ]
    text += [
        f"| {name} | {run['per_second'] / sent[OURS]['per_second']:.2f}"
        f" | {run['cpu_seconds'] / sent[OURS]['cpu_seconds']:.2f} |"
        for name, run in sent.items()
    ]
    (FOLDER / "results.md").write_text("# Results\n\n" + "\n".join(text) + "\n")
    chart = bars(
        "A span in the context, to the floor", {n: s / span[FLOOR] for n, s in span.items()}
    )
    (FOLDER / "results.svg").write_text(chart)
    print("\n".join(text))


def _cold(cold: dict[str, float], name: str) -> float:
    return cold[name] / cold["importing langgraph"]


def _slower(sent: dict[str, dict[str, float]]) -> float:
    return sent[LANGFUSE]["per_second"] / sent[OURS]["per_second"]


def _setting() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {os.cpu_count()} cores; {versions}."


if __name__ == "__main__":
    main()
