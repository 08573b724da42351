"""One turn of the demo: run the agent in its trace context, and say what came of it."""

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from .config import SettingsError, load_settings, settings

if TYPE_CHECKING:
    from .delivery import Report

CONVERSATION_ID = "conv_82d9535867844b4c8cdff"
USER_ID = "usr_pseudo_7f31c2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one turn and return the exit code: 0, 2 for a bad setting, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m agent_observability.main",
        description="Ask the order-status agent where ORDER-924 is, and send the trace over OTLP.",
        epilog="Settings come from the environment and .env; .env.example explains each.",
    )
    parser.parse_args(arguments)
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return _traced_turn()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _traced_turn() -> int:
    from .telemetry import configure_tracing, new_delivery  # noqa: PLC0415 - not for --help

    # The SDK's own warnings are several lines a failure; _print_delivery() says it in one.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    delivery = new_delivery()
    provider = configure_tracing(delivery, exception_details=settings.telemetry_exception_details)
    try:
        _turn()
    finally:
        report = delivery.finish(
            provider, timeout_seconds=settings.telemetry_shutdown_timeout_seconds
        )
        _print_delivery(report)
    return 0


def _turn() -> None:
    # Imported here because they take a second that --help and errors need not wait for.
    from .graph import run_agent  # noqa: PLC0415 - as above
    from .langfuse_context import ContextPolicy, langfuse_trace_context  # noqa: PLC0415 - as above

    with langfuse_trace_context(
        session_id=CONVERSATION_ID,
        user_id=USER_ID,
        trace_name="order-status-turn",
        version=settings.agent_version,
        tags=("order-status", "langgraph"),
        metadata={
            "environment": settings.deployment_environment,
            "workflow": "order-status",
            "region": "eu",
        },
        policy=ContextPolicy(on_invalid=settings.context_on_invalid),
    ):
        result = run_agent(
            {
                "query": "Where is my order?",
                "conversation_id": CONVERSATION_ID,
                "order_reference": "ORDER-924",
                "region": "eu",
            }
        )
    print(result["outcome"])
    print(f"\n{result['answer']}\n", flush=True)


def _print_delivery(report: "Report") -> None:
    for trace_id in report.trace_ids if report.delivered else ():
        project = f"{settings.langfuse_base_url}/project/{quote(settings.langfuse_project_id)}"
        print(f"trace    {trace_id}")
        print(f"         {project}/traces/{trace_id}")
        print(f"session  {project}/sessions/{quote(CONVERSATION_ID)}")
        print(f"user     {project}/users/{quote(USER_ID)}")
    if report.lost:
        print(report, file=sys.stderr)
    elif report.delivered:
        print(f"spans    {report}")
    else:
        print(
            "No span was recorded: see OTEL_SDK_DISABLED and OTEL_TRACES_SAMPLER.", file=sys.stderr
        )


if __name__ == "__main__":
    sys.exit(main())
