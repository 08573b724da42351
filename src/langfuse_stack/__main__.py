"""`python -m langfuse_stack COMMAND`: what `make` calls.

Exit codes: 0 done, 1 it could not be done (the reason is one sentence), 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from . import build, compose, envfile
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
    from . import native  # noqa: PLC0415 - make collector needs no .venv

    native.start()


def _up() -> None:
    from . import native  # noqa: PLC0415 - as above

    compose.up(native.make_way, native.own_ports())


def _down() -> None:
    from . import native  # noqa: PLC0415 - as above

    stopped = native.make_way()
    stopped |= compose.down(volumes=os.environ.get("STACK_VOLUMES") == "1")
    if not stopped:
        print("Nothing that was started here is running.")


def _collect() -> None:
    from . import given_up  # noqa: PLC0415 - as above

    settings = envfile.read(Path(".env")) | os.environ
    if count := given_up.collect(Path(settings.get("AGENT_DATA_DIR") or ".data") / "spool"):
        print(f"{count} spans that the Collector gave up on are in the spool now.", flush=True)


def _guard() -> None:
    from . import guard  # noqa: PLC0415 - as above

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
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
