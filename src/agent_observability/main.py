"""One turn: run the agent in its trace context, and say what came of it."""

import argparse
import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .inputs import REGIONS

if TYPE_CHECKING:
    from .services import Services
    from .state import AgentOutput

__all__ = ["CONVERSATION_ID", "USER_ID", "Question", "main", "run_turn"]

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one turn and return the exit code of `command.run_command()`."""
    question = _question(_parser().parse_args(arguments))
    from .command import print_links, run_command  # noqa: PLC0415 - slow; --help needs none of it

    return run_command(
        lambda _: _print_turn(question),
        partial(print_links, session_id=question.conversation_id, user_id=question.actor),
    )


def run_turn(question: Question, services: "Services", **extra: str) -> "AgentOutput":
    """Run the agent inside the turn's trace context.

    Args:
        question: The turn.
        services: What the agent may use. A conversation that was handed to a person before the
            turn has the workflow `handoff`; the turn that hands it over does not yet.
        extra: `version`, by default the setting; and `tenant_tier`, by default none.
    """
    # Imported here because they take a second that --help and errors need not wait for.
    from .config import settings  # noqa: PLC0415 - as above
    from .graph import run_agent  # noqa: PLC0415 - as above
    from .langfuse_context import ContextPolicy, langfuse_trace_context  # noqa: PLC0415 - as above

    handoff = services.handoffs.find(question.actor, question.conversation_id)
    version = extra.pop("version", settings.agent_version)
    with langfuse_trace_context(
        session_id=question.conversation_id,
        user_id=question.actor,
        trace_name="order-status-turn",
        version=version,
        tags=("order-status", "langgraph"),
        metadata={
            "environment": settings.deployment_environment,
            "workflow": "handoff" if handoff else "order-status",
            "region": question.region,
            **extra,
        },
        policy=ContextPolicy(on_invalid=settings.context_on_invalid),
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


def _print_turn(question: Question) -> None:
    from .services import open_services  # noqa: PLC0415 - slow, as above

    result = run_turn(question, open_services())
    print(result["outcome"])
    print(f"\n{result['answer']}\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent_observability.main",
        description="Ask the order-status agent where ORDER-924 is, and send the trace over OTLP.",
        epilog="Settings come from the environment and .env; .env.example explains each.",
    )
    parser.add_argument("--query", default="Where is my order?", help="what is asked")
    parser.add_argument("--order", help="the order's reference; else the one in the query")
    parser.add_argument("--actor", default=USER_ID, help="the pseudonym of who asks")
    parser.add_argument("--conversation", help="the conversation's id; else one of the actor's own")
    parser.add_argument("--region", default="eu", choices=REGIONS)
    return parser


def _question(given: argparse.Namespace) -> Question:
    from hashlib import sha256  # noqa: PLC0415 - slow, as above

    from .references import mentioned_reference  # noqa: PLC0415 - as above

    is_demo = given.actor == USER_ID
    own = f"conv_{sha256(given.actor.encode(errors='replace')).hexdigest()[:21]}"
    named = mentioned_reference(given.query)
    return Question(
        query=given.query,
        conversation_id=given.conversation or (CONVERSATION_ID if is_demo else own),
        order_reference=given.order or named or ("ORDER-924" if is_demo else ""),
        region=given.region,
        actor=given.actor,
    )


if __name__ == "__main__":
    gc.disable()  # Imports make no garbage; run_command() goes back to normal after them.
    sys.exit(main())
