"""`python -m langfuse_stack COMMAND`: what `make` calls.

Exit codes: 0 done, 1 it could not be done (the reason is one sentence), 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from . import build, compose, guard, native
from .errors import StackError


def _collector() -> None:
    print(f"The Collector is built: {build.build().relative_to(build.ROOT)}")


def _up() -> None:
    native.stop()
    compose.up()


def _down() -> None:
    if native.stop():
        print("Stopped the Collector. What it had not delivered stays queued.")
    compose.down(volumes=os.environ.get("STACK_VOLUMES") == "1")


def _guard() -> None:
    guard.write_guard()
    print(f"{guard.CONFIG.name} has the privacy rules of today.")


COMMANDS: Final[Mapping[str, Callable[[], None]]] = {
    "collector": _collector,
    "guard": _guard,
    "native": native.start,
    "up": _up,
    "down": _down,
    "logs": compose.logs,
    "status": compose.status,
}


def main(arguments: list[str]) -> int:
    """Run one command; return the exit status."""
    if arguments and arguments[0] in {"-h", "--help"}:
        print(f"usage: python -m langfuse_stack {{{','.join(COMMANDS)}}}")
        return 0
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"Say which command: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]]()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
