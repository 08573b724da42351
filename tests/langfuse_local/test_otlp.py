"""Both encodings of OTLP/HTTP give the same message, and garbage gives one clear error."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from generated import documents
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import BadRequest, check_ids, decode

JSON, PROTOBUF = "application/json", "application/x-protobuf"
TRACE, SPAN = "5B8EFFF798038103D269B633813FC60C", "eee19b7ec3c1b174"


def _decode(span: dict[str, Any]) -> ExportTraceServiceRequest:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    return decode(json.dumps(body).encode(), JSON)


def _span(span: dict[str, Any]) -> Any:
    return _decode(span).resource_spans[0].scope_spans[0].spans[0]


def _value(value: dict[str, Any]) -> AnyValue:
    result: AnyValue = _span({"attributes": [{"key": "k", "value": value}]}).attributes[0].value
    return result


def test_ids_are_hexadecimal_in_json() -> None:
    """Ids of spans and links are read as hex in either case, unlike protobuf's own JSON."""
    span = _span(
        {
            "traceId": TRACE,
            "spanId": SPAN,
            "parentSpanId": "",
            "links": [{"traceId": TRACE, "spanId": SPAN.upper()}],
        }
    )
    assert span.trace_id.hex() == span.links[0].trace_id.hex() == TRACE.lower()
    assert span.span_id.hex() == span.links[0].span_id.hex() == SPAN
    assert span.parent_span_id == b""
    snake = _span({"trace_id": TRACE, "span_id": SPAN, "parent_span_id": SPAN})
    assert (snake.trace_id.hex(), snake.parent_span_id.hex()) == (TRACE.lower(), SPAN)


@pytest.mark.parametrize("key", ["traceId", "spanId", "parentSpanId"])
@pytest.mark.parametrize("value", ["zz", "abc", "W47/95gDgQPSabYzgT/GDA==", 5, [], {}, True])
def test_ids_that_are_no_hex(key: str, value: Any) -> None:
    """An id that cannot be read, odd in length or of another type, is a bad request."""
    with pytest.raises(BadRequest):
        _decode({key: value})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"intValue": "9223372036854775807"}, AnyValue(int_value=2**63 - 1)),
        ({"intValue": -(2**63)}, AnyValue(int_value=-(2**63))),
        ({"intValue": "7"}, AnyValue(int_value=7)),
        ({"doubleValue": 1}, AnyValue(double_value=1)),
        ({"doubleValue": "-Infinity"}, AnyValue(double_value=float("-inf"))),
        ({"bytesValue": "AQI="}, AnyValue(bytes_value=b"\x01\x02")),
        ({"boolValue": True}, AnyValue(bool_value=True)),
        ({"string_value": "snake"}, AnyValue(string_value="snake")),
        ({"stringValue": "a\ud800b"}, AnyValue(string_value="a\ufffdb")),
        ({}, AnyValue()),
        ({"arrayValue": {"values": []}}, AnyValue(string_value="[]")),
        ({"unknownValue": 1}, AnyValue()),
    ],
)
def test_values_in_json(document: dict[str, Any], expected: AnyValue) -> None:
    """Integers come as text or numbers, bytes as base64; names in either case; others ignored."""
    assert _value(document) == expected


@pytest.mark.parametrize("status", [2, "STATUS_CODE_ERROR"])
def test_enums_by_number_or_name(status: Any) -> None:
    """Enums may be spelled as names."""
    assert _span({"status": {"code": status}, "kind": "SPAN_KIND_CLIENT"}).status.code == 2


def test_times_keep_their_nanoseconds() -> None:
    """Times may be text or numbers, exact to the nanosecond."""
    for start in ("1795168800000000001", 1_795_168_800_000_000_001):
        assert _span({"startTimeUnixNano": start}).start_time_unix_nano == 1_795_168_800_000_000_001


def test_empty_arrays_differ_between_encodings() -> None:
    """No tags as JSON are no tags, as protobuf one bogus tag: so does Langfuse 4.16."""
    tags = {"key": "langfuse.trace.tags", "value": {"arrayValue": {"values": []}}}
    (from_json,) = observations(_decode({"attributes": [tags]}))
    assert from_json.tags == ()
    assert from_json.metadata["attributes.langfuse.trace.tags"] == "[]"
    tags["value"] = {"arrayValue": {}}
    (from_protobuf,) = observations(_decode({"attributes": [tags]}))
    assert from_protobuf.tags == ('{"arrayValue":{}}',)


def test_content_type_may_have_parameters() -> None:
    """Case and parameters of the content type do not matter, its kind does."""
    assert not decode(b"", "Application/X-Protobuf; charset=utf-8").resource_spans
    assert not decode(b'{"resourceSpans": []}', " application/json;charset=utf-8").resource_spans
    assert not decode(b'{"other": 1}', JSON).resource_spans
    for kind in ("", "text/plain", "application/protobuf"):
        with pytest.raises(BadRequest, match="content type"):
            decode(b"", kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"5",
        b"{",
        b"\xff",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [null]}',
        b'{"resourceSpans": [5]}',
        b'{"resourceSpans": [{"resource": {"attributes": {"secret": "value"}}}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": 5}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "secret"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": -1}]}]}]}',
        b"[" * 100_000,
        b'{"resourceSpans": ' * 50_000,
    ],
)
def test_bodies_that_are_not_otlp_json(body: bytes) -> None:
    """Whatever is wrong with the body, the error is one sentence that quotes nothing of it."""
    with pytest.raises(BadRequest) as caught:
        decode(body, JSON)
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_bodies_that_are_not_protobuf() -> None:
    """JSON, text and half a message sent as protobuf are bad requests."""
    whole = _decode({"traceId": TRACE, "spanId": SPAN, "name": "work"}).SerializeToString()
    for body in (b"{}", b"hello", whole[:-1], b"\x0a\x05\xff"):
        with pytest.raises(BadRequest, match="protobuf"):
            decode(body, PROTOBUF)


def test_values_nested_beyond_reading() -> None:
    """Nesting that protobuf itself refuses is a bad request in both encodings."""
    body = b""
    for _ in range(300):
        body = b"\x2a" + _length(b"\x0a" + _length(body))
    request = b"\x0a" + _length(b"\x0a" + _length(b"\x0a" + _length(b"\x12" + _length(body))))
    with pytest.raises(BadRequest):
        decode(request, PROTOBUF)
    value: dict[str, Any] = {"stringValue": "x"}
    for _ in range(300):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(BadRequest):
        _value(value)


def _length(body: bytes) -> bytes:
    size, encoded = len(body), bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    return bytes([*encoded, size]) + body


@pytest.mark.parametrize(
    "span",
    [
        {"spanId": SPAN},
        {"traceId": TRACE},
        {"traceId": TRACE[2:], "spanId": SPAN},
        {"traceId": TRACE, "spanId": SPAN[2:]},
        {"traceId": "00" * 16, "spanId": SPAN},
        {"traceId": TRACE, "spanId": "00" * 8},
        {"traceId": TRACE, "spanId": SPAN, "parentSpanId": "ab"},
    ],
)
def test_malformed_ids(span: dict[str, Any]) -> None:
    """A missing, short or empty id fails the check, and the mapping still does not."""
    request = _decode(span)
    with pytest.raises(BadRequest, match="nothing of the request was stored"):
        check_ids(request)
    assert len(list(observations(request))) == 1


def test_well_formed_ids() -> None:
    """Spans with and without a parent pass; so does a request without spans."""
    check_ids(_decode({"traceId": TRACE, "spanId": SPAN}))
    check_ids(_decode({"traceId": TRACE, "spanId": SPAN, "parentSpanId": SPAN}))
    check_ids(ExportTraceServiceRequest())


@settings(max_examples=300, deadline=None)
@given(documents)
def test_any_json_is_read_or_refused(document: Any) -> None:
    """A JSON document is a request whose spans can be mapped, or a bad request."""
    try:
        request = decode(json.dumps(document).encode(), JSON)
    except BadRequest:
        return
    list(observations(request))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_bytes_are_read_or_refused(noise: bytes, position: int) -> None:
    """So is any protobuf body, also a good one with a few bytes overwritten."""
    good = _decode({"traceId": TRACE, "spanId": SPAN, "name": "w", "events": [{"name": "e"}]})
    body = good.SerializeToString()
    for content in (
        noise,
        body[:position] + noise[:3] + body[position + 3 :],
        base64.b64encode(noise),
    ):
        try:
            request = decode(content, PROTOBUF)
        except BadRequest:
            continue
        list(observations(request))
