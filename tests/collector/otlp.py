"""OTLP messages for the tests, built from plain values."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Value = str | bool | int | float | bytes | Sequence[Any] | Mapping[str, Any]
_SCALARS: Mapping[type, str] = {  # bool before int, which it is one of
    bool: "bool_value",
    str: "string_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
}
START = 1_790_000_000_000_000_000  # nanoseconds


def span(
    name: str = "chat demo",
    attributes: Mapping[str, Value] | None = None,
    *,
    events: Iterable[tuple[str, Mapping[str, Value]]] = (),
    status: str = "",
) -> Span:
    """Return a span of its own trace."""
    made = Span(
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=START,
        end_time_unix_nano=START + 1_000_000,
        attributes=key_values(attributes or {}),
    )
    for event, values in events:
        made.events.add(name=event, time_unix_nano=START, attributes=key_values(values))
    code = Status.STATUS_CODE_ERROR if status else Status.STATUS_CODE_UNSET
    made.status.CopyFrom(Status(message=status, code=code))
    return made


def request(
    spans: Iterable[Span],
    *,
    resource: Mapping[str, Value] | None = None,
    scope: Mapping[str, Value] | None = None,
    scope_name: str = "tests",
    scope_version: str = "",
) -> ExportTraceServiceRequest:
    """Return an export request of one resource and one scope."""
    made = ExportTraceServiceRequest()
    resource_spans = made.resource_spans.add()
    resource_spans.resource.attributes.extend(key_values(resource or {"service.name": "demo"}))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope_name
    scope_spans.scope.version = scope_version
    scope_spans.scope.attributes.extend(key_values(scope or {}))
    scope_spans.spans.extend(spans)
    return made


def key_values(values: Mapping[str, Value]) -> list[KeyValue]:
    """Return attributes as OTLP has them."""
    return [KeyValue(key=key, value=_any(value)) for key, value in values.items()]


def plain(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    """Return OTLP attributes as plain values."""
    return {each.key: _plain(each.value) for each in attributes}


def _any(value: Any) -> AnyValue:
    for kind, field in _SCALARS.items():
        if isinstance(value, kind):
            scalar: dict[str, Any] = {field: value}
            return AnyValue(**scalar)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    return AnyValue(array_value=ArrayValue(values=[_any(each) for each in value]))


def _plain(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return plain(value.kvlist_value.values)
        case None:
            return ""
        case kind:
            found: Value = getattr(value, kind)
            return found
