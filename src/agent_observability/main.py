"""The chapter's turn: one question, asked inside its trace context. Run it twice for a session.

Around the chapter's steps stands what a reader wants to see: the answer, where to look at the
trace, what was delivered; and an expected error is a sentence.
"""

import sys

from .commands.console import print_links, run
from .config import settings
from .graph import run_agent
from .langfuse_context import langfuse_trace_context
from .telemetry import configure_tracing


def main() -> None:
    """Run the agent once, print what came of it, and deliver its spans."""
    provider = configure_tracing()
    conversation_id = "conv_82d9535867844b4c8cdff"
    user_id = "usr_pseudo_7f31c2"
    try:
        with langfuse_trace_context(
            session_id=conversation_id,
            user_id=user_id,
            trace_name="order-status-turn",
            version=settings.agent_version,
            tags=("order-status", "langgraph"),
            metadata={
                "environment": settings.deployment_environment,
                "workflow": "order-status",
                "region": "eu",
            },
        ):
            result = run_agent(
                {
                    "query": "Where is my order?",
                    "conversation_id": conversation_id,
                    "order_reference": "ORDER-924",
                    "region": "eu",
                }
            )
        print(result["outcome"])
        print(f"\n{result['answer']}\n", flush=True)
    finally:
        provider.force_flush(timeout_millis=5000)
        provider.shutdown()
    print_links(provider, session_id=conversation_id, user_id=user_id)


if __name__ == "__main__":
    sys.exit(run(main))
