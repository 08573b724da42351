"""`make reset`: forget conversations and handoffs, and let the shop be made anew. Traces stay."""

import argparse
import sys

from ..agent.services import CONVERSATIONS, SHOP
from ..config import settings
from .console import run

__all__ = ["main"]


def main() -> int:
    """Delete the agent's databases and return the exit code."""
    folder = settings.agent_data_dir
    try:
        for name in (CONVERSATIONS, SHOP):
            for suffix in ("", "-journal"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        print(f"The databases in {folder} cannot be deleted: {error.strerror}.", file=sys.stderr)
        return 1
    print("The agent has forgotten its conversations and handoffs. Traces are kept.")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m agent_observability.commands.reset",
        description="Forget conversations and handoffs; traces are kept.",
    ).parse_args()
    sys.exit(run(main))
