"""`make conversation`: the chapter's three turns, three traces of one new session."""

import argparse
import sys
from dataclasses import replace
from uuid import uuid4

from ..agent.services import open_services
from .console import print_links, run, tracing
from .turn import USER_ID, Question, run_turn

__all__ = ["main"]

QUERIES = ("Where is my order?", "Why is it delayed?", "I want to speak to a human.")


def main() -> None:
    """Run the conversation and print it.

    It is a new one each time: in the demo's own, the handoff would change what `make demo` does.
    """
    first = Question(conversation_id=f"conv_{uuid4().hex[:21]}")
    with tracing() as provider:
        for query in QUERIES:
            result = run_turn(replace(first, query=query), open_services())
            print(f"Customer  {query}")
            print(f"Agent     {result['answer']}")
            print(f"          ({result['outcome']})\n", flush=True)
    print_links(provider, session_id=first.conversation_id, user_id=USER_ID)


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m agent_observability.commands.conversation",
        description="Run the chapter's three turns as three traces of one new session.",
    ).parse_args()
    sys.exit(run(main))
