"""`make ask`: one question, with values from options or, as data that no shell reads, ASK_*."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from hashlib import sha256

from ..agent.services import open_services
from ..agent.validation import REGIONS
from ..shop.references import mentioned_reference
from .console import print_links, run, tracing
from .turn import CONVERSATION_ID, USER_ID, Question, run_turn

__all__ = ["ask", "question"]


def ask(turn: Question) -> None:
    """Run one turn, and print its answer and where to look at it."""
    with tracing() as provider:
        result = run_turn(turn, open_services())
        print(result["outcome"])
        print(f"\n{result['answer']}\n", flush=True)
    print_links(provider, session_id=turn.conversation_id, user_id=turn.actor)


def question(arguments: Sequence[str] | None = None) -> Question:
    """Read the options; what is not given is the chapter's, or the actor's own."""
    options = _parser().parse_args(arguments)
    is_demo = options.actor == USER_ID
    own = f"conv_{sha256(options.actor.encode(errors='replace')).hexdigest()[:21]}"
    mentioned = mentioned_reference(options.query)
    return Question(
        query=options.query,
        conversation_id=options.conversation or (CONVERSATION_ID if is_demo else own),
        order_reference=options.order or mentioned or ("ORDER-924" if is_demo else ""),
        region=options.region,
        actor=options.actor,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent_observability.commands.ask",
        description="Ask the order-status agent, and send the trace over OTLP.",
        epilog="Settings come from the environment and .env; .env.example explains each.",
    )
    for name, default, text in (
        ("query", "Where is my order?", "what is asked"),
        ("order", "", "the order's reference; else the one in the query"),
        ("actor", USER_ID, "the pseudonym of who asks"),
        ("conversation", "", "the conversation's id; else one of the actor's own"),
    ):
        value = os.environ.get(f"ASK_{name.upper()}") or default
        parser.add_argument(f"--{name}", default=value, help=text)
    parser.add_argument("--region", default="eu", choices=REGIONS)
    return parser


if __name__ == "__main__":
    sys.exit(run(partial(ask, question())))
