"""Observations to be stored, made from the attributes that their fields are taken from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mapped import any_value, observe
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from langfuse_local.mapping.spans import Place, observation

if TYPE_CHECKING:
    from langfuse_local.mapping.observation import Observation

SECOND = 1_000_000_000
START = 1_795_168_800 * SECOND
_KEYS = {
    "session_id": "langfuse.session.id",
    "user_id": "langfuse.user.id",
    "trace_name": "langfuse.trace.name",
    "version": "langfuse.version",
    "environment": "langfuse.environment",
    "tags": "langfuse.trace.tags",
    "type": "langfuse.observation.type",
    "level": "langfuse.observation.level",
    "model": "langfuse.observation.model.name",
    "usage": "langfuse.observation.usage_details",
    "cost": "langfuse.observation.cost_details",
    "input": "langfuse.observation.input",
    "output": "langfuse.observation.output",
    "outcome": "langfuse.observation.metadata.outcome",
    "tier": "langfuse.trace.metadata.tenant_tier",
}


def changed(row: Observation, **changes: Any) -> Observation:
    """The observation of the same span with other ids, times or attributes; None takes one away."""
    place = {name: changes.pop(name) for name in Place._fields if name in changes}
    span = Span.FromString(row.sent)
    span.name = changes.pop("name", span.name)
    for name, value in changes.items():
        kept = [pair for pair in span.attributes if pair.key != _KEYS[name]]
        del span.attributes[:]
        span.attributes.extend(kept)
        if value is not None:
            sent = json.dumps(value) if isinstance(value, dict) else value
            span.attributes.add(key=_KEYS[name], value=any_value(sent))
    return observation(span.SerializeToString(), Place(*row[:5])._replace(**place), row.origin)


def again(row: Observation, number: int, **changes: Any) -> Observation:
    """The same observation in another trace, some seconds later."""
    moved = {
        "trace_id": f"{number:032x}",
        "start_time": row.start_time + number * SECOND,
        "end_time": row.end_time + number * SECOND,
    }
    return changed(row, **{**moved, **changes})


ROOT = changed(
    observe(
        {
            "langfuse.observation.metadata.n": 1,
            "langfuse.environment": "development",
            "http.method": "GET",
        },
        resource={"service.name": "agent"},
        scope="demo",
        events=[("retried", {"attempt": 2})],
        start_time_unix_nano=START,
        end_time_unix_nano=START + SECOND,
    ),
    type="agent",
    name="invoke_agent",
    version="local",
    user_id="ann",
    session_id="talk",
    trace_name="turn",
    tags=["a", "b,c"],
    input="Where is it?",
    output="In transit",
)
CHAT = changed(
    ROOT,
    id="5019de6793baf083",
    parent_id=ROOT.id,
    start_time=START + SECOND // 10,
    type="generation",
    name="chat",
    model="order-model",
    usage={"input": 120, "output": 30, "total": 150},
    cost={"input": 0.25, "output": 0.5},
    input=None,
    output=None,
)
