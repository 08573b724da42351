"""One turn in its trace context, for the commands that ask more than the chapter's question."""

from dataclasses import dataclass

from ..agent.services import Services
from ..agent.state import AgentOutput
from ..config import settings
from ..graph import run_agent
from ..langfuse_context import langfuse_trace_context

__all__ = ["CONVERSATION_ID", "USER_ID", "Question", "run_turn"]

CONVERSATION_ID = "conv_82d9535867844b4c8cdff"
USER_ID = "usr_pseudo_7f31c2"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom and in which conversation; the chapter's turn by default."""

    query: str = "Where is my order?"
    conversation_id: str = CONVERSATION_ID
    order_reference: str = "ORDER-924"
    region: str = "eu"
    actor: str = USER_ID


def run_turn(
    question: Question, services: Services, *, version: str = "", tenant_tier: str = ""
) -> AgentOutput:
    """Run the agent inside the turn's trace context.

    Args:
        question: The turn.
        services: What the agent may use. A conversation that was handed to a person before the
            turn has the workflow `handoff`; the turn that hands it over does not yet.
        version: By default the setting.
        tenant_tier: By default none.
    """
    handoff = services.handoffs.find(question.actor, question.conversation_id)
    with langfuse_trace_context(
        session_id=question.conversation_id,
        user_id=question.actor,
        trace_name="order-status-turn",
        version=version or settings.agent_version,
        tags=("order-status", "langgraph"),
        metadata={
            "environment": settings.deployment_environment,
            "workflow": "handoff" if handoff else "order-status",
            "region": question.region,
            **({"tenant_tier": tenant_tier} if tenant_tier else {}),
        },
    ):
        return run_agent(
            {
                "query": question.query,
                "conversation_id": question.conversation_id,
                "order_reference": question.order_reference,
                "region": question.region,
            },
            actor=question.actor,
            services=services,
        )
