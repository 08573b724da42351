"""One span, sent as OTLP bytes, and the observation that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langfuse_local.mapping.observation import Observation

TRACE_ID = bytes.fromhex("adf273bd2c7c5f4b1209d1b1c524a9c8")
SPAN_ID = bytes.fromhex("23f282f106e84e3d")
_FIELDS = {
    str: "string_value",
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
}


def any_value(value: Any) -> AnyValue:
    """The OTLP value of a Python one; None is the value that is not set."""
    if isinstance(value, list):
        return AnyValue(array_value={"values": [any_value(item) for item in value]})
    if isinstance(value, dict):
        return AnyValue(kvlist_value={"values": key_values(value)})
    return AnyValue() if value is None else AnyValue(**{_FIELDS[type(value)]: value})


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """OTLP's list of attributes."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def observe(
    attributes: Mapping[str, Any] | None = None,
    *,
    resource: Mapping[str, Any] | None = None,
    scope: str = "test",
    scope_version: str = "",
    scope_attributes: Mapping[str, Any] | None = None,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    **span: Any,
) -> Observation:
    """The observation of one span; `span` sets fields of the OTLP message."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(key_values(resource or {}))
    scope_spans = resource_spans.scope_spans.add()
    if scope or scope_version or scope_attributes:
        scope_spans.scope.name = scope
        scope_spans.scope.version = scope_version
        scope_spans.scope.attributes.extend(key_values(scope_attributes or {}))
    message = scope_spans.spans.add(
        **{"trace_id": TRACE_ID, "span_id": SPAN_ID, "name": "work", "start_time_unix_nano": 1}
        | span
    )
    message.attributes.extend(key_values(attributes or {}))
    for name, values in events:
        message.events.add(name=name).attributes.extend(key_values(values))
    received = decode(request.SerializeToString(), "application/x-protobuf")
    (observation,) = observations(received)
    return observation
