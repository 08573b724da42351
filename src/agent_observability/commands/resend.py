"""`make resend`: send again what TELEMETRY_SPOOL=true kept while nothing took it."""

import argparse
import sys

from langfuse_otel.delivery import Spool, resend
from langfuse_otel.delivery.report import without_secrets

from ..config import settings
from .console import run

__all__ = ["main"]


def main() -> int:
    """Send the spool to the settings' endpoint and return the exit code, 1 if some is left."""
    endpoint = settings.otel_exporter_otlp_traces_endpoint
    spool = Spool(settings.agent_data_dir / "spool", max_bytes=sys.maxsize)
    sent, left, cause = resend(
        spool,
        endpoint=endpoint,
        timeout_seconds=settings.otel_exporter_otlp_timeout_seconds,
        headers=settings.otlp_headers,
    )
    for name in spool.foreign():
        print(f"{name!r} is no file of the spool's and is left alone.", file=sys.stderr)
    where = without_secrets(endpoint)
    print(f"{sent} spans sent to {where}, {left} left in the spool{cause and f': {cause}'}.")
    return 1 if left or cause else 0


if __name__ == "__main__":
    argparse.ArgumentParser(
        "python -m agent_observability.commands.resend",
        description="Send again what TELEMETRY_SPOOL=true kept while nothing took it.",
    ).parse_args()
    sys.exit(run(main))
