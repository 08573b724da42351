"""The turn and its outcome, and nothing around them."""

from .config import settings
from .graph import run_agent
from .langfuse_context import langfuse_trace_context
from .telemetry import configure_tracing

CONVERSATION = "conv_82d9535867844b4c8cdff"
QUESTION = {
    "query": "Where is my order?",
    "conversation_id": CONVERSATION,
    "order_reference": "ORDER-924",
    "region": "eu",
}


def main():
    """Run one turn."""
    provider = configure_tracing()
    environment = settings.deployment_environment
    with langfuse_trace_context(
        session_id=CONVERSATION,
        user_id="usr_pseudo_7f31c2",
        trace_name="order-status-turn",
        version=settings.agent_version,
        tags=("order-status", "langgraph"),
        metadata={"environment": environment, "workflow": "order-status", "region": "eu"},
    ):
        print(run_agent(QUESTION)["outcome"])
    provider.force_flush(timeout_millis=5000)
    provider.shutdown()


if __name__ == "__main__":
    main()
