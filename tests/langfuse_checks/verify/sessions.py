"""Sessions written by hand: spans as OTLP/JSON that a case changes before they are sent."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from backends import Backend

from langfuse_checks.verify.evidence import Expected

__all__ = ["Change", "Session", "Span", "healthy_session"]

QUERY: Final = "Where is my order?"
RESOURCE: Final = {
    "service.name": "order-status-agent",
    "service.version": "local",
    "service.instance.id": "8d4f1c2e-5b7a-4c3d-9e6f-0a1b2c3d4e5f",
    "deployment.environment.name": "development",
    "telemetry.sdk.language": "python",
}
METADATA: Final = "langfuse.trace.metadata."
_TURN: Final = (  # name, parent, milliseconds from the turn's start, and how many it takes
    ("invoke_agent order-status", "", 0, 100),
    ("authorize", "invoke_agent order-status", 1, 5),
    ("lookup_order", "invoke_agent order-status", 10, 30),
    ("execute_tool get_order", "lookup_order", 12, 20),
    ("compose_answer", "invoke_agent order-status", 50, 40),
    ("chat order-model", "compose_answer", 52, 35),
)
_OWN: Final[dict[str, dict[str, Any]]] = {
    "invoke_agent order-status": {
        "gen_ai.operation.name": "invoke_agent",
        "langfuse.observation.input": QUERY,
        "langfuse.observation.metadata.outcome": "answered",
    },
    "authorize": {"langfuse.observation.type": "guardrail"},
    "execute_tool get_order": {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_order",
    },
    "chat order-model": {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "order-model",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cost": 0.000036,
    },
}
_ids = count(1)


@dataclass
class Span:
    """One span; `start` and `takes` are milliseconds, `start` from the session's first turn."""

    trace: str
    id: str
    parent: str
    name: str
    start: float
    takes: float
    attributes: dict[str, Any]
    resource: dict[str, Any] = field(default_factory=lambda: dict(RESOURCE))
    scope: dict[str, Any] = field(default_factory=lambda: {"name": "agent_observability"})

    def moved(self, **changes: Any) -> "Span":
        """Return a copy with an id of its own and these changes."""
        return replace(deepcopy(self), **{"id": _span_id(), **changes})


@dataclass
class Session:
    """A session that a case breaks; what is expected of it stays as it was."""

    expected: Expected
    spans: list[Span]

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def turn(self, number: int) -> list[Span]:
        """Return the spans of one turn, counted from 0."""
        trace = list(dict.fromkeys(span.trace for span in self.spans))[number]
        return [span for span in self.spans if span.trace == trace]

    def span(self, name: str, turn: int = 0) -> Span:
        """Return one span by the beginning of its name."""
        return next(span for span in self.turn(turn) if span.name.startswith(name))

    def add_turn(self, minutes: float, **changes: Any) -> list[Span]:
        """Add a healthy turn that starts so many minutes after the first."""
        spans = _turn(replace(self.expected, **changes), minutes * 60_000)
        self.spans += spans
        return spans

    def send(self, backend: Backend, start: int) -> None:
        """Send every span; `start` is the first turn's, in nanoseconds."""
        body = {"resourceSpans": [_resource_span(span, start) for span in self.spans]}
        request = urllib.request.Request(
            backend.otlp, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.build_opener().open(request, timeout=10) as answer:
            assert answer.status == 200


Change = Callable[[Session], object]


def healthy_session() -> Session:
    """Return two turns, a minute apart, of a session and a user of their own."""
    number = next(_ids)
    expected = Expected(session=f"conv_hand_{number}", user=f"usr_hand_{number}")
    session = Session(expected, [])
    session.add_turn(0)
    session.add_turn(1)
    return session


def _turn(expected: Expected, start: float) -> list[Span]:
    trace = f"{next(_ids):032x}"
    ids: dict[str, str] = {"": ""}
    spans = []
    for name, parent, after, takes in _TURN:
        ids[name] = _span_id()
        attributes = {**_context(expected), **_OWN.get(name, {})}
        spans.append(Span(trace, ids[name], ids[parent], name, start + after, takes, attributes))
    return spans


def _context(expected: Expected) -> dict[str, Any]:
    return {
        "langfuse.session.id": expected.session,
        "langfuse.user.id": expected.user,
        "langfuse.trace.name": expected.trace_name,
        "langfuse.version": "local",
        "langfuse.trace.tags": list(expected.tags),
        f"{METADATA}environment": "development",
        f"{METADATA}workflow": "order-status",
        f"{METADATA}region": "eu",
    }


def _span_id() -> str:
    return f"{next(_ids):016x}"


def _resource_span(span: Span, start: int) -> dict[str, Any]:
    began = start + int(span.start * 1e6)
    record = {
        "traceId": span.trace,
        "spanId": span.id,
        "parentSpanId": span.parent,
        "name": span.name,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + int(span.takes * 1e6)),
        "attributes": _pairs(span.attributes),
    }
    scope = {**span.scope, "attributes": _pairs(span.scope.get("attributes", {}))}
    return {
        "resource": {"attributes": _pairs(span.resource)},
        "scopeSpans": [{"scope": scope, "spans": [record]}],
    }


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}
