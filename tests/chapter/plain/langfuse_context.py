"""The helper as somebody writes it who has read no more than the chapter: raw baggage."""

from contextlib import contextmanager

from opentelemetry import baggage, context

LANGFUSE_TAGS_BAGGAGE_KEY = "app.langfuse.trace.tags"
_PARAMETERS = {
    "session_id": "langfuse.session.id",
    "user_id": "langfuse.user.id",
    "trace_name": "langfuse.trace.name",
    "version": "langfuse.version",
}
_METADATA = ("environment", "workflow", "region")
LANGFUSE_BAGGAGE_KEYS = {
    *_PARAMETERS.values(),
    *(f"langfuse.trace.metadata.{key}" for key in _METADATA),
}


@contextmanager
def langfuse_trace_context(*, tags, metadata, **parameters):
    """Set one baggage entry after the other, and detach in the end."""
    values = {_PARAMETERS[name]: value for name, value in parameters.items()}
    values |= {f"langfuse.trace.metadata.{key}": metadata[key] for key in _METADATA}
    values[LANGFUSE_TAGS_BAGGAGE_KEY] = ",".join(tags)
    inside = context.get_current()
    for key, value in values.items():
        inside = baggage.set_baggage(key, value, inside)
    token = context.attach(inside)
    try:
        yield
    finally:
        context.detach(token)
