"""Counts of spans: each that ended is in exactly one, whatever thread it was counted on."""

import threading
from collections import Counter, deque
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan

from .batch import Batch
from .report import Report, rejection

__all__ = ["Ledger"]

_REMEMBERED_ROOTS = 100
_REMEMBERED_TRACES = 1000


class Ledger:
    """What one process knows of its spans.

    Attributes:
        last: The batch whose problem is reported.
    """

    def __init__(self) -> None:
        self.last = Batch(0)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._roots: deque[str] = deque(maxlen=_REMEMBERED_ROOTS)
        self._by_trace: dict[str, int] = {}

    def count(self, what: str, spans: int) -> None:
        """Add to a count."""
        with self._lock:
            self._counts[what] += spans

    def count_delivered(self, spans: Sequence[ReadableSpan], rejected: int) -> None:
        """Count a batch that was taken, except for some spans of it; nobody says which."""
        with self._lock:
            self._counts["delivered"] += len(spans) - rejected
            self._counts["failed"] += rejected
            self._counts["rejected"] += rejected
            if not rejected:
                self._remember(spans)

    @property
    def delivered_by_trace(self) -> dict[str, int]:
        """Spans delivered of each of the last traces."""
        with self._lock:
            return dict(self._by_trace)

    @property
    def lost(self) -> int:
        """Spans that were on their way and are not known to be delivered."""
        return self._counts["failed"] + self._counts["unconfirmed"] + self._counts["unsent"]

    def report(self, *, endpoint: str, spooled: int, is_closed: bool) -> Report:
        """Return the counts; before the end, spans that still wait count as dropped."""
        with self._lock:
            counts = self._counts
            settled = counts["delivered"] + counts["failed"] + counts["unconfirmed"]
            pending = counts["ended"] - settled - counts["unsent"]
            return Report(
                delivered=counts["delivered"],
                failed=counts["failed"],
                unconfirmed=counts["unconfirmed"],
                dropped=counts["ended"] - settled,
                evicted=counts["ended"] - counts["arrived"] - counts["late"] if is_closed else 0,
                waiting=0 if is_closed else pending,
                late=counts["late"],
                spooled=spooled,
                endpoint=endpoint,
                problem=rejection(counts["rejected"]) if self.last.rejected else self.last.problem,
                status=self.last.status,
                trace_ids=tuple(self._roots),
            )

    def _remember(self, spans: Sequence[ReadableSpan]) -> None:
        for span in spans:
            trace_id = _trace_id(span)
            self._by_trace[trace_id] = self._by_trace.pop(trace_id, 0) + 1
            if span.parent is None:
                self._roots.append(trace_id)
        while len(self._by_trace) > _REMEMBERED_TRACES:
            del self._by_trace[next(iter(self._by_trace))]


def _trace_id(span: ReadableSpan) -> str:
    return format(span.context.trace_id, "032x") if span.context else ""
