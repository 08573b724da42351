"""A LangChain agent whose spans are made by somebody else's instrumentation.

The first argument says by whose: `openinference` or `opentelemetry` (its GenAI instrumentation).
Neither knows of the trace context; the span processor stamps what they make.
"""

import sys
from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from openinference.instrumentation.langchain import LangChainInstrumentor as OpenInference
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor as OpenTelemetry

from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.telemetry import configure_tracing

INSTRUMENTATIONS: dict[str, Callable[[], Any]] = {
    "openinference": OpenInference,
    "opentelemetry": OpenTelemetry,
}
USAGE = {"input_tokens": 12, "output_tokens": 8, "total_tokens": 20}


class OrderModel(GenericFakeChatModel):
    """A model that asks for a tool first, and answers from what that says."""

    def bind_tools(self, *_: Any, **__: Any) -> "OrderModel":
        """Know every tool already."""
        return self

    def _get_ls_params(self, *_: Any, **__: Any) -> LangSmithParams:
        # Where instrumentations look for the model's name.
        return {"ls_provider": "scripted", "ls_model_name": "order-model", "ls_model_type": "chat"}


@tool
def order_status(reference: str) -> str:
    """Say where an order is."""
    return f"{reference} left Rotterdam this morning."


def main(instrumentation: str, session: str) -> None:
    """Run one turn of the agent."""
    provider = configure_tracing()
    INSTRUMENTATIONS[instrumentation]().instrument(tracer_provider=provider)
    call = {"name": "order_status", "args": {"reference": "your parcel"}, "id": "call_1"}
    messages = [
        AIMessage("", tool_calls=[call], usage_metadata=USAGE),
        AIMessage("Your parcel left Rotterdam this morning.", usage_metadata=USAGE),
    ]
    agent = create_agent(OrderModel(messages=iter(messages)), tools=[order_status])
    with langfuse_trace_context(
        session_id=session,
        user_id="usr_pseudo_7f31c2",
        trace_name="order-status-turn",
        version="local",
        tags=("order-status", "langgraph"),
        metadata={"environment": "development", "workflow": "order-status", "region": "eu"},
    ):
        result = agent.invoke({"messages": [("user", "Where is my order?")]})
    print(result["messages"][-1].text)
    provider.shutdown()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in INSTRUMENTATIONS:  # noqa: PLR2004 - one argument
        sys.exit(f"usage: main.py {'|'.join(INSTRUMENTATIONS)} [SESSION]")
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "conv_example_3")  # noqa: PLR2004 - two
