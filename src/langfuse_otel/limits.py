"""A limit on span attributes that a span's own attributes do not push session and user out of."""

import os
from typing import Final

from opentelemetry.sdk.trace import SpanLimits

__all__ = ["span_limits"]

# The SDK's 128 evicts the oldest first, and those are session, user and tags.
_MAX_SPAN_ATTRIBUTES: Final = 4096
_VARIABLES: Final = ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")


def span_limits() -> SpanLimits:
    """Return limits with room for 4,096 attributes, or what the OTEL_* variables say."""
    is_limited = any(map(os.environ.get, _VARIABLES))
    return SpanLimits(max_span_attributes=None if is_limited else _MAX_SPAN_ATTRIBUTES)
