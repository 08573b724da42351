"""A turn that ends with a person, and leaves a job for the worker."""

import os
import sys

from jobs import write_note
from opentelemetry import trace

from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import configure_tracing
from langfuse_otel.jobs import job_payload

tracer = trace.get_tracer("support")


def main(session: str) -> None:
    """Escalate one conversation."""
    provider = configure_tracing()
    with (
        langfuse_trace_context(
            session_id=session,
            user_id="usr_pseudo_7f31c2",
            trace_name="order-status-turn",
            version=os.environ.get("AGENT_VERSION", "local"),
            tags=("order-status", "langgraph"),
            metadata={"environment": "development", "workflow": "handoff", "region": "eu"},
        ),
        tracer.start_as_current_span("invoke_agent support") as span,
    ):
        span.set_attribute("langfuse.observation.input", "I want to speak to a human.")
        write_note(job_payload(), "HANDOFF-1001")  # Returns at once; the worker does the rest.
        span.set_attribute("langfuse.observation.output", "A colleague takes over from here.")
    provider.shutdown()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "conv_example_2")
