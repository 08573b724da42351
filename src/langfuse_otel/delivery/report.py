"""What is said about delivery: counts that are true, the cause, and the fix, in one line."""

from dataclasses import dataclass
from typing import Final

__all__ = ["Report"]

_RECEIVER: Final = (
    "Start a backend with `make backend` or `make up`, or set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT."
)
_ADDRESS: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT should end in /v1/traces of an OTLP receiver."
_KEYS: Final = "Set the receiver's credentials in OTEL_EXPORTER_OTLP_HEADERS."
_LATER: Final = (
    "Run it again later, or give it longer with TELEMETRY_SHUTDOWN_TIMEOUT_SECONDS"
    " and OTEL_EXPORTER_OTLP_TIMEOUT_SECONDS."
)
_SIZE: Final = "Lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE."
_LOG: Final = "See the receiver's log for what it did not like."
_QUEUE: Final = "Raise OTEL_BSP_MAX_QUEUE_SIZE to the spans of one burst."
_FIXES: Final = {
    **dict.fromkeys((301, 302, 303, 307, 308, 200, 404, 405), _ADDRESS),
    **dict.fromkeys((401, 403), _KEYS),
    **dict.fromkeys((408, 429, 502, 503, 504), _LATER),
    413: _SIZE,
    400: _LOG,
    500: _LOG,
}


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of spans: each that ended is in exactly one of the first four.

    Attributes:
        delivered: The endpoint said that it has them.
        failed: The endpoint refused them, or was not there.
        dropped: Never sent: evicted from a full queue, or left when the time was over.
        unconfirmed: Sent, but the answer never came: they may have been stored.
        evicted: Those of `dropped` that a full queue evicted.
        spooled: Those not delivered that were kept for `make resend`.
        endpoint: Where they were sent.
        problem: What went wrong last, one clause; empty if nothing did.
        status: HTTP status code of that answer, 0 without an answer.
        trace_ids: The last traces whose root span was delivered, in order, 32 hex digits each.
    """

    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    unconfirmed: int = 0
    evicted: int = 0
    spooled: int = 0
    endpoint: str = ""
    problem: str = ""
    status: int = 0
    trace_ids: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """Spans that are not known to be delivered."""
        return self.failed + self.dropped + self.unconfirmed

    def __str__(self) -> str:
        """Return the line to print."""
        counts = (
            f"{self.delivered} delivered, {self.failed} failed, {self.dropped} dropped,"
            f" {self.unconfirmed} unconfirmed"
        )
        if not self.lost:
            return f"{counts}."
        kept = f" {self.spooled} are kept for `make resend`." if self.spooled else ""
        return (
            f"{self.lost} of {self.delivered + self.lost} spans were not delivered to"
            f" {self.endpoint} ({counts}): {self._cause()}. {self._fix()}{kept}"
        )

    def _cause(self) -> str:
        if self.problem:
            return self.problem
        return "the queue was full" if self.evicted else "there was no time left to send them"

    def _fix(self) -> str:
        if self.problem:
            return _FIXES.get(self.status, _LATER if "time" in self.problem else _RECEIVER)
        return _QUEUE if self.evicted else _LATER
