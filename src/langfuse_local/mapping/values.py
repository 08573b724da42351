"""OTLP attribute values as plain ones, the way Langfuse 4.16 converts them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf.json_format import MessageToDict

from .javascript import Value, stringify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["EMPTY_ARRAY", "Attributes", "attributes"]

Attributes: TypeAlias = dict[str, Value]

# Never an empty list and never a dict: a value is false here exactly when it is in JavaScript.
# An empty array loses its `values` on the wire, and Langfuse 4.16 then takes the message itself,
# as JSON text, for the value: as tags it is one tag of this name.
EMPTY_ARRAY: Final = '{"arrayValue":{}}'
_NO_VALUE: Final = "{}"


def attributes(pairs: Iterable[KeyValue]) -> Attributes:
    """Return attributes by name; of a repeated name the last value counts."""
    values: Attributes = {}
    for pair in pairs:
        value = pair.value
        # Most are texts, and asking a message what it holds takes longer than reading one.
        values[pair.key] = value.string_value or _plain(value)
    return values


def _plain(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "double_value":
        return _double(value.double_value)
    if kind == "array_value":
        values = value.array_value.values
        return [item.string_value or _plain(item) for item in values] or EMPTY_ARRAY
    # Maps and bytes are stored as the JSON text of the OTLP value.
    return stringify(MessageToDict(value)) if kind else _NO_VALUE


def _double(value: float) -> Value:
    """Return the number; NaN and the infinities as text, for JSON has no number for them."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
