"""OTLP as Langfuse 4.16 reads it: looser than the specification about ids, and in its own words.

In JSON any text is an id and stays as it is, in protobuf an id may have any length. A span without
ids refuses its whole request: that is what OTLP logs look like when they are sent as traces.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..mapping.javascript import refuse_constant, replace_surrogates
from .body import TooLargeError, inflate
from .limits import check_json_size, check_value_count
from .otlp import UNREADABLE, BadRequest, Batch, decode, message_of
from .validation import RequestValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JSON", "PROTOBUF", "kind_of", "read"]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def kind_of(content_type: str) -> str | None:
    """The encoding that a content type names anywhere; None for neither of the two."""
    text = content_type.lower()
    return next((kind for kind in (PROTOBUF, JSON) if kind in text), None)


def read(body: bytes, encoding: str, kind: str) -> Batch:
    """The spans of a body as received; `kind` is JSON or PROTOBUF.

    Raises BadRequest with Langfuse's text, TooLargeError or TooManyValuesError.
    """
    content = _inflated(body, encoding)
    batch = _from_json(content) if kind == JSON else _from_protobuf(content)
    check_value_count(batch.request, len(content))
    return batch


def _inflated(body: bytes, encoding: str) -> bytes:
    """The body without gzip; Langfuse ignores other encodings, and then cannot parse the body."""
    if "gzip" not in encoding:
        return body
    try:
        return inflate(body, "gzip")
    except TooLargeError:
        raise
    except BadRequest:
        raise BadRequest("Failed to decompress request body") from None


def _from_protobuf(content: bytes) -> Batch:
    with _parsing("Protobuf"):
        request = decode(content, PROTOBUF)
    validator = RequestValidator()
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                absent = [] if span.trace_id else ["traceId:absent"]
                validator.count_span(absent if span.span_id else [*absent, "spanId:absent"])
    validator.check()
    return Batch(request)


def _from_json(content: bytes) -> Batch:
    check_json_size(content)
    with _parsing("JSON"):
        document = json.loads(content.decode(errors="replace"), parse_constant=refuse_constant)
        if document is None:
            raise ValueError("null has no members.")
    resources = document.get("resourceSpans") if isinstance(document, dict) else None
    if not resources:
        return Batch(ExportTraceServiceRequest())
    validator = RequestValidator()
    document = {"resourceSpans": validator.resources(resources)}
    validator.check()
    with _parsing("JSON"):
        # Every id travels through the message's bytes as text, hex or not: none is ambiguous.
        return Batch(message_of(document, _utf8), id_of=bytes.decode)


@contextmanager
def _parsing(encoding: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE:  # Among them decode's BadRequest.
        raise BadRequest(f"Failed to parse OTel {encoding} Trace") from None


def _utf8(text: str) -> bytes:
    return str(replace_surrogates(text)).encode()
