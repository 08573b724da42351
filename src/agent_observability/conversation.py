"""`make conversation`: the chapter's three turns, three traces of one new session."""

import argparse
import sys
from dataclasses import replace
from functools import partial
from uuid import uuid4

from .command import print_links, run_command
from .main import USER_ID, Question, run_turn

__all__ = ["main"]

QUERIES = ("Where is my order?", "Why is it delayed?", "I want to speak to a human.")


def main() -> int:
    """Run the conversation and return the exit code of `command.run_command()`.

    It is a new one each time: in the demo's own, the handoff would change what `make demo` does.
    """
    first = Question(conversation_id=f"conv_{uuid4().hex[:21]}")
    return run_command(
        lambda _: _print_exchange(first),
        partial(print_links, session_id=first.conversation_id, user_id=USER_ID),
    )


def _print_exchange(first: Question) -> None:
    from .services import open_services  # noqa: PLC0415 - takes a second; errors do not need it

    for query in QUERIES:
        result = run_turn(replace(first, query=query), open_services())
        print(f"Customer  {query}")
        print(f"Agent     {result['answer']}")
        print(f"          ({result['outcome']})\n", flush=True)


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m agent_observability.conversation",
        description="Run the chapter's three turns as three traces of one new session.",
    ).parse_args()
    sys.exit(main())
