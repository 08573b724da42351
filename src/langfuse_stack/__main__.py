"""`python -m langfuse_stack COMMAND`: what `make` calls.

Exit codes: 0 done, 1 it could not be done (the reason is one sentence), 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from agent_observability.commands.receipts import Receipts
from agent_observability.config import SettingsError, settings

from . import build, compose, given_up, guard, native
from .errors import StackError


def _collector() -> None:
    binaries = (build.build(), build.build_relay())
    names = (str(each.relative_to(build.ROOT)) for each in binaries)
    print(f"The Collector and its relay are built: {', '.join(names)}")


def _native() -> None:
    if os.environ.get("STACK_COLLECTOR", "native") not in {"", "native"}:
        raise StackError(
            "COLLECTOR should be native, as in make demo COLLECTOR=native; left out, spans go"
            " straight to what listens at OTEL_EXPORTER_OTLP_TRACES_ENDPOINT."
        )
    native.start()


def _up() -> None:
    def make_way() -> None:
        native.make_way()
        _forget_receipts()

    compose.up(make_way, native.own_ports())


def _down() -> None:
    volumes = os.environ.get("STACK_VOLUMES") == "1"
    was_running = native.make_way()
    if compose.down(volumes=volumes):
        _forget_receipts()
    elif not was_running and not volumes:
        print("Nothing that was started here is running.")


def _collect() -> None:
    if count := given_up.collect(settings.agent_data_dir / "spool"):
        print(f"{count} spans that the Collector gave up on are in the spool now.", flush=True)


def _forget_receipts() -> None:
    """Let nobody miss in one backend what was sent to another one at the same address."""
    try:
        Receipts(settings.agent_data_dir, settings.langfuse_base_url).forget()
    except (OSError, SettingsError) as error:
        raise StackError(f"The receipts of what was sent cannot be forgotten: {error}") from None


def _guard() -> None:
    guard.write_guard()
    print(f"{guard.CONFIG.name} has the privacy rules of today.")


COMMANDS: Final[Mapping[str, Callable[[], int | None]]] = {
    "collector": _collector,
    "collect": _collect,
    "guard": _guard,
    "native": _native,
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
        return COMMANDS[arguments[0]]() or 0
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
