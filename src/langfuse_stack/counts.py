"""What has become of the spans that the Collector took, from its own metrics."""

import re
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

__all__ = ["METRICS_PORT", "Counts", "ask", "parse"]

METRICS_PORT: Final = "8888"
"""Where Compose publishes the metrics, and where they are unless OTELCOL_METRICS_PORT is set."""

_LINE = re.compile(r"(otelcol_\w+?)(?:_total)?(?:\{.*\})? ([0-9.e+-]+)")
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Counts:
    """Counts since the Collector started.

    Attributes:
        waiting: Bytes that are on disk and not yet accepted by the backend.
        capacity: Bytes that may wait; beyond them senders are refused.
        in_flight: Requests that the backend has not answered yet.
        accepted: Spans that senders were told have been taken.
        sent: Spans that the backend accepted.
        dropped: Spans that the backend refused for good (400, 401, 403, 404, 500): they are lost.
        refused: Spans that senders were told to send again.
    """

    waiting: int
    capacity: int
    in_flight: int
    accepted: int
    sent: int
    dropped: int
    refused: int

    def lines(self) -> list[str]:
        """Return what to print, with the fix if something was lost."""
        said = [
            f"waiting  {self._waiting() or 'nothing'}",
            f"sent     {self.sent} spans",
            f"dropped  {self.dropped} spans",
        ]
        if self.refused:
            said.append(f"refused  {self.refused} spans (full, or the guard failed): see make logs")
        if self.dropped:
            said.append(
                "Langfuse refused the dropped spans for good. make logs says with which status:"
                " 401 is a wrong key in .env, 500 its object store. docs/collector.md has the rest."
            )
        return said

    def _waiting(self) -> str:
        # What an earlier process left on disk was not counted as accepted: bytes alone tell of it.
        spans = max(0, self.accepted - self.sent - self.dropped)
        parts = (
            f"{spans} spans" if spans else "",
            f"{self.in_flight} requests under way" if self.in_flight else "",
            f"{_size(self.waiting)} of {_size(self.capacity)} on disk" if self.waiting else "",
        )
        return ", ".join(filter(None, parts))


def ask(port: str = METRICS_PORT) -> Counts | None:
    """Return the Collector's counts; None if it does not answer."""
    try:
        with _NO_PROXY.open(f"http://127.0.0.1:{port}/metrics", timeout=3) as answer:
            return parse(answer.read().decode())
    except (OSError, HTTPException):  # Nothing, or something that is no Collector.
        return None


def parse(metrics: str) -> Counts:
    """Return the counts in a Prometheus text; a counter that has not counted yet is absent."""
    sums: dict[str, float] = {}
    for line in metrics.splitlines():
        if found := _LINE.fullmatch(line):
            sums[found[1]] = sums.get(found[1], 0.0) + float(found[2])
    return Counts(
        waiting=int(sums.get("otelcol_exporter_queue_size", 0)),
        capacity=int(sums.get("otelcol_exporter_queue_capacity", 0)),
        in_flight=int(sums.get("otelcol_exporter_in_flight_requests", 0)),
        accepted=int(sums.get("otelcol_receiver_accepted_spans", 0)),
        sent=int(sums.get("otelcol_exporter_sent_spans", 0)),
        dropped=int(sums.get("otelcol_exporter_send_failed_spans", 0)),
        refused=int(sums.get("otelcol_receiver_refused_spans", 0)),
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 10**6 else f"{count / 1e3:.1f} kB"
