"""`python -m langfuse_local`: run the local backend, start and stop it in the background.

Exit codes: 0 done (Ctrl-C included, it is how a server in the foreground is stopped), 1 no usable
backend, 2 a wrong setting or command line, 130 another command interrupted.
"""

from __future__ import annotations

import argparse
import sys

from .config import DATABASE, Settings, SettingsError, load_settings

_DESCRIPTION = """\
A local backend for OpenTelemetry spans that answers the way Langfuse 4.16 does, on this machine
only. Its addresses are the clients' own settings, LANGFUSE_BASE_URL and
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; LANGFUSE_LOCAL_DATA_DIR says where its data is kept."""

_INTERRUPTED = 130
_COMMANDS = {
    "serve": "run it in the foreground until Ctrl-C",
    "ensure": "name the backend that answers; if nothing does, start this one in the background",
    "stop": "stop the one that `ensure` started here, and nothing else",
    "status": "say what answers at the two addresses, and what the local backend holds",
    "reset": "stop the one that `ensure` started here, and delete its traces and scores",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options, load_settings())
    except SettingsError as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "serve":
        return _serve(settings, otlp=not options.no_otlp)
    if options.command == "stop":
        return _stop(settings)
    if options.command == "reset":
        return _reset(settings)
    return _show(settings, start=options.command == "ensure")


def _serve(settings: Settings, *, otlp: bool) -> int:
    # Imported here, since every `make demo` runs the other commands, which must be quick.
    from .ports import PortTakenError  # noqa: PLC0415 - as above
    from .server import serve  # noqa: PLC0415 - as above
    from .store.database import StoreError  # noqa: PLC0415 - as above

    try:
        serve(settings, otlp=otlp)
    except (PortTakenError, StoreError) as error:
        return _fail(error, 1)
    return 0


def _show(settings: Settings, *, start: bool) -> int:
    from .discovery import UnavailableError, ensure_backend, find_backend  # noqa: PLC0415 - as above

    try:
        if start:
            print(ensure_backend(settings))
            return 0
        backend = find_backend(settings)
        if backend.is_absent:
            print("backend  none is running: start one with make demo or make up")
            return 1
        print("\n".join(filter(None, (backend.line(), backend.holdings()))))
    except UnavailableError as error:
        return _fail(error, 1)
    return 0


def _stop(settings: Settings) -> int:
    from .discovery import stop_backend  # noqa: PLC0415 - as above

    pid, data = stop_backend(settings), settings.database
    if not pid:
        print("No backend that was started here is running.")
    elif data.exists():
        print(f"Stopped the local backend (pid {pid}). The data stays in {data}.")
    else:
        print(f"Stopped the local backend (pid {pid}), whose data was deleted before.")
    return 0


def _reset(settings: Settings) -> int:
    from .discovery import stop_backend  # noqa: PLC0415 - as above

    stop_backend(settings)
    try:
        for suffix in ("", "-wal", "-shm"):
            settings.database.with_name(f"{DATABASE}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        return _fail(f"{settings.database} cannot be deleted: {error.strerror}.", 1)
    print("The local backend has forgotten its traces and scores; make demo starts it anew.")
    return 0


def _fail(error: Exception | str, code: int) -> int:
    print(error, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m langfuse_local", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "serve":
            command.add_argument(
                "--no-otlp",
                action="store_true",
                help="leave the Collector's port alone: spans come from a Collector, through"
                " /api/public/otel/v1/traces",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
