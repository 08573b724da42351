"""The trace context of a background job: carried in its payload, checked again where it runs.

A job runs in another process, maybe hours later, so it is a trace of its own: of the same session
and user, and linked to the span that caused it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Link
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .context import span_attributes

__all__ = ["job_fields", "job_links", "job_payload"]

_METADATA: Final = "langfuse.trace.metadata."
_FIELDS: Final = {
    "session_id": "langfuse.session.id",
    "user_id": "langfuse.user.id",
    "trace_name": "langfuse.trace.name",
    "version": "langfuse.version",
    "tags": "langfuse.trace.tags",
}
_propagator = TraceContextTextMapPropagator()


def job_payload() -> dict[str, Any]:
    """Return what a job carries, as JSON values: the current context and the current span."""
    payload: dict[str, Any] = {}
    _propagator.inject(payload)
    attributes = span_attributes()
    payload |= {name: attributes[key] for name, key in _FIELDS.items() if key in attributes}
    payload["tags"] = list(payload.get("tags", ()))
    payload["metadata"] = {
        key.removeprefix(_METADATA): value
        for key, value in attributes.items()
        if key.startswith(_METADATA)
    }
    return payload


def job_fields(payload: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the arguments for the service's context manager, which checks them again.

    `changes` are the job's own, such as its `trace_name`. What the payload lacks is empty, and
    thereby refused.
    """
    empty: dict[str, Any] = {**dict.fromkeys(_FIELDS, ""), "tags": [], "metadata": {}}
    carried = {name: payload.get(name, value) for name, value in empty.items()}
    return carried | changes


def job_links(payload: Mapping[str, Any]) -> Sequence[Link]:
    """Return a link to the span that caused the job, none if the payload names no span."""
    context = _propagator.extract({"traceparent": payload.get("traceparent", "")})
    cause = trace.get_current_span(context).get_span_context()
    return [Link(cause)] if cause.is_valid else []
