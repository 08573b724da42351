"""`make reset`: forget conversations and handoffs, and let the shop be made anew.

Traces stay, unless RESET_TRACES is 1: then what was noted of them goes, too, and the local backend
deletes its own.
"""

import argparse
import os
import sys

from ..agent.services import CONVERSATIONS, SHOP
from ..config import settings
from .console import run
from .receipts import FILE

__all__ = ["main"]


def main() -> int:
    """Delete the agent's databases and return the exit code."""
    folder = settings.agent_data_dir
    of_traces = (FILE, "feedback.jsonl") if os.environ.get("RESET_TRACES") == "1" else ()
    try:
        for name in (CONVERSATIONS, SHOP, *of_traces):
            for suffix in ("", "-journal"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        print(f"The databases in {folder} cannot be deleted: {error.strerror}.", file=sys.stderr)
        return 1
    kept = "" if of_traces else " Traces are kept."
    print(f"The agent has forgotten its conversations and handoffs.{kept}")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m agent_observability.commands.reset",
        description="Forget conversations and handoffs; traces are kept (see make reset TRACES=1).",
    ).parse_args()
    sys.exit(run(main))
