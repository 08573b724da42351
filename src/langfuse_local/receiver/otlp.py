"""OTLP/HTTP request bodies, in both encodings, as the one protobuf message."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..mapping.javascript import replace_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNREADABLE", "BadRequest", "Batch", "check_ids", "decode", "message_of"]

# OTLP/JSON writes these in hex, where protobuf's own JSON mapping expects base64:
# https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
_IDS: Final = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}
_ARRAYS: Final = {"arrayValue", "array_value"}
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
# What parsing a request may raise. Their own texts quote the body, so none is passed on.
UNREADABLE: Final = (ParseError, ValueError, TypeError, AttributeError, RecursionError)


class BadRequest(ValueError):  # noqa: N818 - named after the answer it becomes, HTTP 400
    """A request that cannot be stored; its text is a sentence for the sender, without values."""

    status = 400


@dataclass(frozen=True, slots=True)
class Batch:
    """A request's spans, and the function that turns the bytes of their ids into text."""

    request: ExportTraceServiceRequest
    id_of: Callable[[bytes], str] = bytes.hex


def decode(body: bytes, content_type: str) -> ExportTraceServiceRequest:
    """Decode an uncompressed trace request; the content type may carry parameters.

    Raises:
        BadRequest: The content type is neither of OTLP's two, or the body is not what it says.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-protobuf":
        return _from_protobuf(body)
    if kind == "application/json":
        return _from_json(body)
    raise BadRequest(
        "The content type is not one of OTLP/HTTP: send application/x-protobuf or application/json."
    )


def check_ids(request: ExportTraceServiceRequest) -> None:
    """Check every span's ids: 16 and 8 bytes, not all zero, the parent's 8 bytes or none.

    Raises:
        BadRequest: One id is malformed; OTLP logs sent as traces look like that, too.
    """
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                _check(span.trace_id, _TRACE_ID_BYTES, "trace id")
                _check(span.span_id, _SPAN_ID_BYTES, "span id")
                if span.parent_span_id and len(span.parent_span_id) != _SPAN_ID_BYTES:
                    raise _malformed("parent span id", len(span.parent_span_id), _SPAN_ID_BYTES)


def _check(identifier: bytes, size: int, name: str) -> None:
    if len(identifier) != size:
        raise _malformed(name, len(identifier), size)
    if not any(identifier):
        raise BadRequest(f"A span has a {name} of zeros only: nothing of the request was stored.")


def _malformed(name: str, size: int, expected: int) -> BadRequest:
    return BadRequest(
        f"A span has a {name} of {size} bytes where OTLP has {expected}: "
        "nothing of the request was stored. Only traces can be sent here."
    )


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise BadRequest(
            "The body is not an OTLP trace request in protobuf: check the content type."
        ) from None


def message_of(document: Any, id_bytes: Callable[[str], bytes]) -> ExportTraceServiceRequest:
    """The message of a JSON document, which is changed; `id_bytes` converts its ids.

    Raises BadRequest for an id that cannot be converted, and else one of UNREADABLE.
    """
    if not isinstance(document, dict):
        raise TypeError("An OTLP request is a JSON object.")
    _translate(document, id_bytes)
    return ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)


def _from_json(body: bytes) -> ExportTraceServiceRequest:
    try:
        return message_of(json.loads(body.decode()), bytes.fromhex)
    except BadRequest:
        raise
    except UNREADABLE:
        raise BadRequest(
            "The body is not an OTLP trace request in JSON: expected resourceSpans, scopeSpans and "
            "spans, with attributes as lists of key and value."
        ) from None


def _translate(message: dict[str, Any], id_bytes: Callable[[str], bytes]) -> None:
    """Rewrite in place what protobuf's JSON mapping reads differently from OTLP's."""
    pending: list[Any] = [message]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            _translate_fields(node, id_bytes)
            pending.extend(node.values())


def _translate_fields(node: dict[str, Any], id_bytes: Callable[[str], bytes]) -> None:
    for name, value in list(node.items()):
        if isinstance(value, str) and name in _IDS:
            node[name] = _base64(name, value, id_bytes)
        elif isinstance(value, str):
            node[name] = replace_surrogates(value)
        elif name in _ARRAYS and isinstance(value, dict) and value.get("values") == []:
            # Langfuse 4.16 reads an empty array right from JSON and wrong from protobuf, and the
            # message cannot tell them apart. Its text stores the same as the array would.
            del node[name]
            node["stringValue"] = "[]"


def _base64(name: str, value: str, id_bytes: Callable[[str], bytes]) -> str:
    try:
        return base64.b64encode(id_bytes(value)).decode()
    except (ValueError, binascii.Error):
        raise BadRequest(f"A {name} is not hexadecimal, as OTLP/JSON writes ids.") from None
