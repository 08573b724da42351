"""`python -m langfuse_stack COMMAND`: what `make` calls."""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from langfuse_stack import build
from langfuse_stack.errors import StackError


def _collector() -> None:
    print(f"The Collector is built: {build.build().relative_to(build.ROOT)}")


COMMANDS: Final[Mapping[str, Callable[[], None]]] = {"collector": _collector}


def main(arguments: list[str]) -> int:
    """Run one command; return the exit status."""
    try:
        COMMANDS[arguments[0]]()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
