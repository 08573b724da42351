"""Spans as a literal that a test can hold: nested, without ids, times and trace context."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

CONTEXT = {
    "langfuse.session.id": "conv_82d9535867844b4c8cdff",
    "langfuse.user.id": "usr_pseudo_7f31c2",
    "langfuse.trace.name": "order-status-turn",
    "langfuse.version": "local",
    "langfuse.trace.tags": ("order-status", "langgraph"),
    "langfuse.trace.metadata.environment": "development",
    "langfuse.trace.metadata.workflow": "order-status",
    "langfuse.trace.metadata.region": "eu",
}
STEP = "langfuse.observation.metadata.langgraph_step"
ATTEMPT = "langfuse.observation.metadata.attempt"


def tree(spans: Sequence[ReadableSpan], parent: int | None = None) -> list[Any]:
    """Nest the spans; siblings by step of the graph, name and attempt, for some run in parallel."""
    children = [s for s in spans if (s.parent.span_id if s.parent else None) == parent]
    return [
        (
            f"{span.name} [{span.kind.name} {span.status.status_code.name}]",
            {k: v for k, v in (span.attributes or {}).items() if k not in CONTEXT},
            *tree(spans, span.context.span_id),
        )
        for span in sorted(children, key=_order)
        if span.context
    ]


def outline(spans: Sequence[ReadableSpan]) -> str:
    """Return the names alone, indented by depth."""
    return "\n".join(_lines(tree(spans), ""))


def _lines(nodes: Sequence[Any], indent: str) -> list[str]:
    lines = []
    for name, _, *children in nodes:
        lines += [indent + name, *_lines(children, indent + "  ")]
    return lines


def _order(span: ReadableSpan) -> tuple[Any, ...]:
    found = span.attributes or {}
    # What one node calls has no step, and is in order of time.
    return (
        found.get(STEP, 0),
        span.name if STEP in found else "",
        found.get(ATTEMPT, 1),
        span.start_time,
    )
