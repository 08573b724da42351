"""What the commands print around their turns: errors as sentences, links, delivery."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from langfuse_otel import InvalidTraceContextError
from langfuse_otel.delivery import Delivery, Report
from langfuse_otel.delivery.report import without_secrets

from ..agent.validation import InvalidInputError
from ..config import SettingsError, load_settings, settings
from ..shop.database import StorageError
from ..telemetry import configure_tracing
from .receipts import Receipts, SentTrace
from .termination import CODE, Terminated, ending_on_sigterm

__all__ = ["leave_receipts", "open_receipts", "print_delivery", "print_links", "run", "tracing"]

_concluding = threading.Lock()
_concluded = threading.Event()
_BAD_INPUT = (SettingsError, InvalidInputError, InvalidTraceContextError)


def run(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code, with every expected error as a sentence.

    Returns:
        What the command returns, 0 for None; 1 for a database, 2 for a bad setting or input, 130
        for Ctrl-C, 143 for SIGTERM, 141 when nobody reads what is printed.
    """
    # The SDK's own warnings are several lines a failure; print_delivery() says it in one.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    try:
        load_settings()
        with ending_on_sigterm(_conclude):
            code = _leaving_receipts(command)
        sys.stdout.flush()  # Here, where a reader who has gone is no error.
    except _BAD_INPUT as error:
        print(error, file=sys.stderr)
        return 2
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        _conclude()
        return CODE if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # Whoever reads has enough, as `| head` does; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code or 0


def _conclude() -> None:
    with _concluding:
        if _concluded.is_set():
            return  # By the other thread.
        _concluded.set()
        print("Interrupted.", file=sys.stderr)
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider) and (delivery := Delivery.of(provider)):
            leave_receipts(provider)
            _print_report(delivery.report())


def _leaving_receipts(command: Callable[[], int | None]) -> int | None:
    try:
        return command()
    except Exception:  # What it has sent is on its way all the same.
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            leave_receipts(provider)
        raise


@contextmanager
def tracing() -> Iterator[TracerProvider]:
    """Configure tracing for the block, and deliver its spans at the end."""
    provider = configure_tracing()
    try:
        yield provider
    finally:
        provider.force_flush(timeout_millis=5000)
        provider.shutdown()


def print_links(provider: TracerProvider, *, session_id: str, user_id: str) -> None:
    """Print where the delivered traces, their session and their user can be seen."""
    leave_receipts(provider, session_id=session_id, user_id=user_id)
    delivery = Delivery.of(provider)
    report = delivery.report() if delivery else None
    base = without_secrets(settings.langfuse_base_url)
    project = f"{base}/project/{quote(settings.langfuse_project_id)}"
    for trace_id in report.trace_ids if report else ():
        print(f"trace    {trace_id}")
        print(f"         {project}/traces/{trace_id}")
    if report is None or report.delivered:
        print(f"session  {project}/sessions/{quote(session_id)}")
        print(f"user     {project}/users/{quote(user_id)}")
    print_delivery(provider)


def leave_receipts(provider: TracerProvider, *, session_id: str = "", user_id: str = "") -> None:
    """Note what was delivered of each trace, for whoever reads it back."""
    delivery = Delivery.of(provider)
    if delivery:
        spans = delivery.delivered_by_trace.items()
        open_receipts().add_traces([SentTrace(id_, session_id, user_id, n) for id_, n in spans])


def open_receipts() -> Receipts:
    """Return the receipts of the backend that the links lead to."""
    return Receipts(settings.agent_data_dir, settings.langfuse_base_url)


def print_delivery(provider: TracerProvider) -> None:
    """Say in one line what became of the spans and, if some are lost, what to do."""
    delivery = Delivery.of(provider)
    if delivery is None:
        print("spans    not counted: this telemetry.py exports without langfuse_otel's Delivery.")
    elif not _print_report(delivery.report()):
        print(
            "No span was recorded: see OTEL_SDK_DISABLED and OTEL_TRACES_SAMPLER.", file=sys.stderr
        )


def _print_report(report: Report) -> bool:
    if report.lost:
        print(report, file=sys.stderr)
    elif report.delivered:
        print(f"spans    {report}", flush=True)
    return bool(report.lost or report.delivered)
