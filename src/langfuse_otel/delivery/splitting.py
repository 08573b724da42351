"""What to send in place of a batch that cannot be sent as it is."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan

from .batch import Batch
from .encoding import MAX_REQUEST_BYTES, by_encodability, request_bytes
from .report import TOO_LARGE, UNENCODABLE

__all__ = ["smaller"]

_Spans = Sequence[ReadableSpan]


def smaller(batch: Batch, spans: _Spans) -> list[_Spans]:
    """Return smaller batches of the same spans; none if that does not help."""
    if batch.is_too_large:
        return _halves(spans)
    if batch.is_sent or batch.is_success is None:
        return []
    good, bad = by_encodability(spans)
    if bad:
        batch.problem = UNENCODABLE
        return [good, bad] if good else []
    if request_bytes(spans) <= MAX_REQUEST_BYTES:
        return []
    batch.problem = TOO_LARGE
    return _halves(spans)


def _halves(spans: _Spans) -> list[_Spans]:
    middle = len(spans) // 2
    return [spans[:middle], spans[middle:]] if middle else []
