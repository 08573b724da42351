"""The failure matrix: what is reported, and how long it takes, in every failure mode.

`python -m benchmarks.failures` runs it with the demo's settings and writes docs/failures.md.
"""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from langfuse_otel.delivery import Delivery, Report, Spool
from support.otlp_sinks import MODES, sink

__all__ = ["Run", "delivering", "run"]

_PAGE = Path("docs/failures.md")
_SIZES = (10, 2000)
_SHUTDOWN_SECONDS = 2.5


@dataclass(frozen=True)
class Run:
    """One cell: what was reported, the seconds of the shutdown, what the receiver stored."""

    report: Report
    seconds: float
    stored: int


def delivering(
    endpoint: str,
    batches: Sequence[int],
    *,
    seconds: float = 2.5,
    timeout: float = 10,
    spool: Spool | None = None,
) -> tuple[TracerProvider, Delivery]:
    """Return a provider that exports to the endpoint, and what counts its spans.

    `batches` are the first arguments of `BatchSpanProcessor` after the exporter.
    """
    provider = TracerProvider(shutdown_on_exit=False)
    delivery = Delivery(provider, endpoint=endpoint, shutdown_timeout_seconds=seconds, spool=spool)
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=timeout, session=delivery.session)
    processor = BatchSpanProcessor(delivery.count(exporter), *batches)
    provider.add_span_processor(delivery.watch(processor))
    return provider, delivery


def run(mode: str, spans: int, *, shutdown_seconds: float, spool: Spool | None = None) -> Run:
    """End `spans` spans, shut down, and compare."""
    with sink(mode) as receiver:
        provider, delivery = delivering(
            receiver.endpoint, (8192, 60_000), seconds=shutdown_seconds, spool=spool
        )
        tracer = provider.get_tracer("failures")
        for number in range(spans):
            tracer.start_span(f"span {number}").end()
        began = time.monotonic()
        provider.shutdown()
        return Run(delivery.report(), time.monotonic() - began, len(set(receiver.span_ids)))


def main() -> int:
    """Run the matrix and write the page."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    lines = []
    for mode in MODES:
        for spans in _SIZES:
            cell = run(mode, spans, shutdown_seconds=_SHUTDOWN_SECONDS)
            report = cell.report
            lines.append(
                f"| {mode} | {spans} | {report.delivered} | {report.failed} | {report.dropped}"
                f" | {report.unconfirmed} | {cell.stored} | {cell.seconds:.1f} s"
                f" | {report.problem or '-'} |"
            )
            print(lines[-1], flush=True)
    _PAGE.write_text(_HEAD + "\n".join(lines) + "\n")
    return 0


_HEAD = f"""# What is reported when delivery fails

Written by `python -m benchmarks.failures` from a run over real sockets: so many spans end, then
the program shuts down with `TELEMETRY_SHUTDOWN_TIMEOUT_SECONDS={_SHUTDOWN_SECONDS}`. *Stored* is
what the receiver really kept. Every span is in exactly one of the four counts.

| receiver | spans | delivered | failed | dropped | unconfirmed | stored | shutdown | cause |
|---|---|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    sys.exit(main())
