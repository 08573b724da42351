"""What is said about delivery: counts that are true, the cause, and the fix, in one line."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

__all__ = ["NO_ANSWER", "TOO_LARGE", "UNENCODABLE", "Report", "rejection", "without_secrets"]

NO_ANSWER: Final = "it did not answer in time"
TOO_LARGE: Final = "a span was larger than a request may be"
UNENCODABLE: Final = "OTLP cannot say what a span holds, such as half of a surrogate pair"
_REJECTION: Final = "it rejected "

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
_ATTRIBUTES: Final = "Shorten or mend the attributes that such a span is given."
_LOOK: Final = "See at the receiver whether it has them."
_ORDER: Final = "Shut down after the last span has ended."
_WAIT: Final = "Call force_flush() or shutdown() first."
_QUEUE: Final = "Raise OTEL_BSP_MAX_QUEUE_SIZE to the spans of one burst."
_FIXES: Final[dict[int | str, str]] = {
    **dict.fromkeys((301, 302, 303, 307, 308, 200, 404, 405), _ADDRESS),
    **dict.fromkeys((401, 403), _KEYS),
    **dict.fromkeys((408, 429, 502, 503, 504), _LATER),
    **dict.fromkeys((201, 202, 203, 204, 205, 206), _LOOK),
    413: _SIZE,
    400: _LOG,
    500: _LOG,
    NO_ANSWER: _LATER,
    TOO_LARGE: _ATTRIBUTES,
    UNENCODABLE: _ATTRIBUTES,
}


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of spans: each that ended is in exactly one of the first four.

    Attributes:
        delivered: The endpoint said that it has them.
        failed: The endpoint refused them, or was not there.
        dropped: Never sent: evicted from a full queue, or left when the time was over.
        unconfirmed: Sent, but the answer never came: they may have been stored.
        evicted: Those of `dropped` that never came as far as this: a full queue evicted them, or
            an exporter in between kept them. Known after the shutdown, as 0 before.
        waiting: Those of `dropped` that may still be sent; 0 after the shutdown.
        late: Those of `dropped` that ended after the shutdown.
        spooled: Those not delivered that were kept for `make resend`.
        endpoint: Where they were sent, without a password or a query.
        problem: What went wrong last, one clause; empty if nothing did.
        status: HTTP status code of that answer, 0 without an answer.
        trace_ids: The last traces whose root span was delivered, in order, 32 hex digits each.
    """

    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    unconfirmed: int = 0
    evicted: int = 0
    waiting: int = 0
    late: int = 0
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
        return self._dropped()[0]

    def _fix(self) -> str:
        if not self.problem:
            return self._dropped()[1]
        if self.problem.startswith(_REJECTION):
            return _LOG
        return _FIXES.get(self.problem) or _FIXES.get(self.status, _RECEIVER)

    def _dropped(self) -> tuple[str, str]:
        if self.evicted:
            return "the queue was full, or an exporter before this one kept them", _QUEUE
        if self.waiting:
            return "they have not been sent yet", _WAIT
        if self.late == self.dropped:
            return "they ended after the shutdown", _ORDER
        return "there was no time left to send them", _LATER


def rejection(spans: int) -> str:
    """Return the clause about what partial successes rejected."""
    return f"{_REJECTION}{spans} span{'' if spans == 1 else 's'}"


def without_secrets(address: str) -> str:
    """Return an address to print: no user, no password, and no query, which may hold a key."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that is none"
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
