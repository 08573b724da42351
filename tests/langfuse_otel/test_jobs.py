"""Background jobs: the ids travel in the payload, and are checked again on the other side."""

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from agent_observability.langfuse_context import langfuse_trace_context
from langfuse_otel import span_attributes
from langfuse_otel.jobs import job_fields, job_links, job_payload

TURN: dict[str, Any] = {
    "session_id": "conv_1",
    "user_id": "usr_1",
    "trace_name": "order-status-turn",
    "version": "1.0.0",
    "tags": ("order-status", "a,b"),
    "metadata": {"environment": "production", "region": "eu"},
}
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")


def test_a_job_has_session_and_user_and_is_linked_to_its_cause() -> None:
    """The payload survives JSON; the job's own trace name replaces the one of the turn."""
    with langfuse_trace_context(**TURN), tracer.start_as_current_span("turn") as cause:
        text = json.dumps(job_payload())
        inside = dict(span_attributes())
    payload = json.loads(text)
    with langfuse_trace_context(**job_fields(payload, trace_name="write-note")):
        assert span_attributes() == {**inside, "langfuse.trace.name": "write-note"}
    [link] = job_links(payload)
    assert link.context.trace_id == cause.get_span_context().trace_id
    assert link.context.span_id == cause.get_span_context().span_id


@pytest.mark.parametrize(
    "payload", [{}, {"traceparent": "x", "metadata": {"query": "x"}, "user_id": "jane@example.com"}]
)
def test_a_damaged_payload_breaks_no_job(payload: dict[str, Any]) -> None:
    """Unfit values are dropped on the other side, and no link is better than a wrong one."""
    with langfuse_trace_context(**job_fields(payload, trace_name="write-note", version="1")):
        assert "langfuse.user.id" not in span_attributes()
        assert span_attributes()["langfuse.trace.name"] == "write-note"
    assert job_links(payload) == []


def test_outside_a_context_the_payload_names_nobody() -> None:
    """A job that nobody's turn has caused carries empty fields."""
    assert job_payload() == {"tags": [], "metadata": {}}
