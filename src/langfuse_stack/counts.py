"""What has become of the spans that the Collector took, from its own metrics."""

import re
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

__all__ = ["METRICS_PORT", "Counts", "ask", "parse"]

METRICS_PORT: Final = "8888"
"""Where Compose publishes the metrics, and where they are unless OTELCOL_METRICS_PORT is set."""

_LINE = re.compile(r"(otelcol_\w+?)(?:_total)?(?:\{(.*)\})? ([0-9.e+-]+)")
_LABEL = re.compile(r'(?:exporter|receiver|filter|processor)="([^"]+)"')
_QUEUE, _SEND, _GIVE_UP = "otlp_http/langfuse", "otlp_http/send", "file/given_up"
_METRICS: Final = {
    "waiting": ("otelcol_exporter_queue_size", _QUEUE),
    "capacity": ("otelcol_exporter_queue_capacity", _QUEUE),
    "in_flight": ("otelcol_exporter_in_flight_requests", _QUEUE),
    "accepted": ("otelcol_receiver_accepted_spans", "otlp"),
    "sent": ("otelcol_exporter_sent_spans", _SEND),
    "given_up": ("otelcol_exporter_sent_spans", _GIVE_UP),
    "dropped": ("otelcol_exporter_send_failed_spans", _QUEUE),
    "refused": ("otelcol_receiver_refused_spans", "otlp"),
    "failed": ("otelcol_exporter_send_failed_spans", _SEND),
    "without_usage": ("otelcol_processor_filter_spans_filtered", "filter/usage_dropped"),
}
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
        given_up: Spans that the backend did not take for a day, and that are in a file.
        dropped: Spans that are lost.
        refused: Spans that senders were told to send again.
        failed: Spans in attempts that failed, as often as they were tried.
        without_usage: Spans whose usage was no usable number and was left out.
    """

    waiting: int = 0
    capacity: int = 0
    in_flight: int = 0
    accepted: int = 0
    sent: int = 0
    given_up: int = 0
    dropped: int = 0
    refused: int = 0
    failed: int = 0
    without_usage: int = 0

    def lines(self) -> list[str]:
        """Return what to print, with the fix if something needs one."""
        said = [
            f"waiting  {self._waiting() or 'nothing'}",
            f"sent     {self.sent} spans",
            f"dropped  {self.dropped} spans",
        ]
        if self.refused:
            said.append(f"refused  {self.refused} spans (full, or the guard failed): see make logs")
        if self.given_up:
            said.append(f"aside    {self.given_up} spans, not taken for a day: make resend")
        if self.without_usage:
            said.append(
                f"without  {self.without_usage} spans: their token counts were no numbers or"
                " beyond 64 bits, and were left out"
            )
        if self.failed and self._waiting():
            said.append(
                "Langfuse did not take what waits, so far: make logs says with which status. 401"
                " is a wrong key in .env, 500 a store that is away."
            )
        if self.dropped:
            said.append("The dropped spans are lost: make logs says why.")
        return said

    def _waiting(self) -> str:
        # What an earlier process left on disk was not counted as accepted: bytes alone tell of it.
        spans = max(0, self.accepted - self.sent - self.given_up - self.dropped)
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
    sums: dict[tuple[str, str], float] = {}
    for line in metrics.splitlines():
        if found := _LINE.fullmatch(line):
            label = _LABEL.search(found[2] or "")
            key = found[1], label[1] if label else ""
            sums[key] = sums.get(key, 0.0) + float(found[3])
    names = {field: sums.get(_METRICS[field], 0.0) for field in _METRICS}
    return Counts(**{field: int(value) for field, value in names.items()})


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 10**6 else f"{count / 1e3:.1f} kB"
