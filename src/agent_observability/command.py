"""What every command does around its turns: tracing on, errors in a sentence, delivery told."""

import gc
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from .config import SettingsError, load_settings, settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from .report import Report

__all__ = ["print_delivery", "print_links", "run_command"]


def run_command(work: Callable[["TracerProvider"], None], show: Callable[["Report"], None]) -> int:
    """Run the work with tracing on, then show what was delivered.

    Returns:
        The exit code: 0, 1 for a database, 2 for a bad setting or input, 130 for Ctrl-C,
        141 when nobody reads what is printed.
    """
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    # Only now: a bad setting is told without waiting for these.
    from .database import StorageError  # noqa: PLC0415 - as above
    from .inputs import InvalidInputError  # noqa: PLC0415 - as above
    from .langfuse_context import InvalidTraceContextError  # noqa: PLC0415 - as above

    try:
        _traced(work, show)
        sys.stdout.flush()  # Here, where a reader who has gone is no error.
    except (SettingsError, InvalidInputError, InvalidTraceContextError) as error:
        print(error, file=sys.stderr)
        return 2
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever reads has enough, as `| head` does; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _traced(work: Callable[["TracerProvider"], None], show: Callable[["Report"], None]) -> None:
    _import_quickly()
    from .telemetry import configure_tracing, new_delivery  # noqa: PLC0415 - as there

    # The SDK's own warnings are several lines a failure; print_delivery() says it in one.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    delivery = new_delivery()
    provider = configure_tracing(delivery, exception_details=settings.telemetry_exception_details)
    completed = False
    try:
        work(provider)
        completed = True
    finally:
        report = delivery.finish(
            provider, timeout_seconds=settings.telemetry_shutdown_timeout_seconds
        )
        if completed or report.trace_ids:
            show(report)


def _import_quickly() -> None:
    """Import what a turn needs without looking for garbage among it: there is none.

    Frozen, none of it is looked at again either, which is a fifth of a short command's time.
    """
    gc.disable()
    from . import graph, telemetry  # noqa: F401, PLC0415 - a second that bad settings do not wait

    gc.freeze()
    gc.enable()


def print_links(report: "Report", *, session_id: str, user_id: str) -> None:
    """Print where the delivered traces, their session and their user can be seen."""
    project = f"{settings.langfuse_base_url}/project/{quote(settings.langfuse_project_id)}"
    for trace_id in report.trace_ids if report.delivered else ():
        print(f"trace    {trace_id}")
        print(f"         {project}/traces/{trace_id}")
    if report.delivered:
        print(f"session  {project}/sessions/{quote(session_id)}")
        print(f"user     {project}/users/{quote(user_id)}")
    print_delivery(report)


def print_delivery(report: "Report") -> None:
    """Say in one line what became of the spans and, if some are lost, what to do."""
    if report.lost:
        print(report, file=sys.stderr)
    elif report.delivered:
        print(f"spans    {report}")
    else:
        print(
            "No span was recorded: see OTEL_SDK_DISABLED and OTEL_TRACES_SAMPLER.", file=sys.stderr
        )
