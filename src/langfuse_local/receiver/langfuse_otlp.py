"""OTLP as Langfuse 4.16 reads it: looser than the specification about ids, and in its own words.

In JSON any text is an id and stays as it is, in protobuf an id may have any length. A span without
ids refuses its whole request: that is what OTLP logs look like when they are sent as traces.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from langfuse_local.mapping.javascript import refuse_constant, replace_surrogates
from langfuse_local.receiver.body import TooLargeError, inflate
from langfuse_local.receiver.faults import Faults
from langfuse_local.receiver.otlp import UNREADABLE, BadRequest, Batch, decode, message_of
from langfuse_local.receiver.weight import check_json, check_values

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JSON", "PROTOBUF", "kind_of", "read"]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def kind_of(content_type: str) -> str | None:
    """Which encoding a content type names, wherever in it; None for neither."""
    named = content_type.lower()
    return next((kind for kind in (PROTOBUF, JSON) if kind in named), None)


def read(body: bytes, encoding: str, kind: str) -> Batch:
    """The spans of a body as it was sent; `kind` is JSON or PROTOBUF.

    Raises BadRequest with Langfuse's text, TooLargeError or TooManyError.
    """
    content = _inflated(body, encoding)
    batch = _from_json(content) if kind == JSON else _from_protobuf(content)
    check_values(batch.request, len(content))
    return batch


def _inflated(body: bytes, encoding: str) -> bytes:
    """Without gzip; any other encoding is not looked at, and then makes no sense as content."""
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
    faults = Faults()
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                absent = [] if span.trace_id else ["traceId:absent"]
                faults.count(absent if span.span_id else [*absent, "spanId:absent"])
    faults.check()
    return Batch(request)


def _from_json(content: bytes) -> Batch:
    check_json(content)
    with _parsing("JSON"):
        document = json.loads(content.decode(errors="replace"), parse_constant=refuse_constant)
        if document is None:
            raise ValueError("null has no members.")
    sent = document.get("resourceSpans") if isinstance(document, dict) else None
    if not sent:
        return Batch(ExportTraceServiceRequest())
    faults = Faults()
    known = {"resourceSpans": faults.resources(sent)}
    faults.check()
    with _parsing("JSON"):
        # Every id travels through the message's bytes as text, hex or not: none is ambiguous.
        return Batch(message_of(known, _utf8), id_of=bytes.decode)


@contextmanager
def _parsing(encoding: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE:  # Among them decode's BadRequest.
        raise BadRequest(f"Failed to parse OTel {encoding} Trace") from None


def _utf8(text: str) -> bytes:
    return str(replace_surrogates(text)).encode()
