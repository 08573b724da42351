"""The queue and its one job: after an escalation, a note to the customer.

Huey runs embedded, on a SQLite file; nothing else has to be started than its consumer.
"""

import os

from huey import SqliteHuey
from opentelemetry import trace

from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import configure_tracing
from langfuse_otel.jobs import job_fields, job_links

huey = SqliteHuey("notes", filename=os.environ.get("NOTES_QUEUE", "notes.db"))
tracer = trace.get_tracer("notes")


@huey.on_startup()
def start() -> None:
    """Configure tracing in the worker's own process."""
    configure_tracing()


@huey.on_shutdown()
def stop() -> None:
    """Deliver the spans that still wait."""
    trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined] # the SDK's


@huey.task()
def write_note(payload: dict[str, object], handoff: str) -> None:
    """Write to the customer: a trace of its own, in the session and of the user of the turn."""
    with (
        langfuse_trace_context(**job_fields(payload, trace_name="handoff-note")),
        tracer.start_as_current_span("write_note", links=job_links(payload)) as span,
    ):
        note = f"A colleague has your case now, and writes to you today. Your reference: {handoff}."
        span.set_attribute("langfuse.observation.output", note)
