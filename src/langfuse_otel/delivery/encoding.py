"""Spans as OTLP: which of them can be encoded, how large they are, and the JSON of the spool."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["MAX_REQUEST_BYTES", "by_encodability", "otlp_json", "request_bytes"]

# gRPC's own limit; Langfuse and the Collector take more, but a proxy on the way seldom does.
MAX_REQUEST_BYTES: Final = 4 * 2**20
_IDS: Final = ("traceId", "spanId", "parentSpanId")


def by_encodability(
    spans: Sequence[ReadableSpan],
) -> tuple[list[ReadableSpan], list[ReadableSpan]]:
    """Return the spans that OTLP can say, and those with half a surrogate pair, or the like."""
    good: list[ReadableSpan] = []
    bad: list[ReadableSpan] = []
    for span in spans:
        (good if _is_encodable(span) else bad).append(span)
    return good, bad


def request_bytes(spans: Sequence[ReadableSpan]) -> int:
    """Return the size of the request that would send the spans."""
    return encode_spans(spans).ByteSize()


def otlp_json(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return OTLP/JSON: protobuf's JSON, except that ids are hex digits."""
    data: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in data.get("resourceSpans", ()):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for holder in (span, *span.get("links", ())):
                    _make_ids_hex(holder)
    return data


def _is_encodable(span: ReadableSpan) -> bool:
    try:
        encode_spans([span])
    except Exception:  # noqa: BLE001 - whatever the encoder does not like
        return False
    return True


def _make_ids_hex(holder: dict[str, Any]) -> None:
    for name in _IDS:
        if name in holder:
            holder[name] = base64.b64decode(holder[name]).hex()
