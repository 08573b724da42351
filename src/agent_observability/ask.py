"""`make ask`: one turn whose values come from the environment, as data that no shell reads."""

import os
import sys

from .main import main

__all__ = ["arguments"]


def arguments() -> list[str]:
    """Return the options of `main` for the ASK_* variables that are set and not empty."""
    return [
        f"--{name}={os.environ[variable]}"
        for name in ("query", "order", "actor", "conversation")
        if os.environ.get(variable := f"ASK_{name.upper()}")
    ]


if __name__ == "__main__":
    sys.exit(main([*arguments(), *sys.argv[1:]]))
