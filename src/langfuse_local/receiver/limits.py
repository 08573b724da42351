"""Limits the number of values in a request: two bytes of it can become hundreds in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .otlp import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["MAX_VALUES", "TooManyValuesError", "check_json_size", "check_value_count"]

MAX_VALUES: Final = 1_000_000
# Objects, lists and commas; JSON takes several times the memory of protobuf to read.
_MAX_JSON_TOKENS: Final = 500_000


class TooManyValuesError(BadRequest):
    """The request has more values than fit into bounded memory."""

    status = 413

    def __init__(self) -> None:
        super().__init__("The request holds too many attributes or values: send smaller batches.")


def check_json_size(body: bytes) -> None:
    """Check a JSON body before it is parsed; raises TooManyValuesError."""
    if sum(map(body.count, (b"{", b"[", b","))) > _MAX_JSON_TOKENS:
        raise TooManyValuesError


def check_value_count(request: ExportTraceServiceRequest, size: int) -> None:
    """Check a decoded request of `size` bytes; raises TooManyValuesError."""
    if size < 2 * MAX_VALUES:  # A value takes two bytes at least.
        return
    total = 0
    pending: list[Any] = list(_attribute_lists(request))
    while pending:
        values = pending.pop()
        total += len(values)
        if total > MAX_VALUES:
            raise TooManyValuesError
        pending.extend(_nested_lists(values))


def _nested_lists(values: Iterable[Any]) -> Iterable[Any]:
    for item in values:
        value = getattr(item, "value", item)  # of a KeyValue, else an AnyValue itself
        kind = value.WhichOneof("value")
        if kind in {"array_value", "kvlist_value"}:
            yield getattr(value, kind).values


def _attribute_lists(request: ExportTraceServiceRequest) -> Iterable[Any]:
    for resource_spans in request.resource_spans:
        yield resource_spans.resource.attributes
        for scope_spans in resource_spans.scope_spans:
            yield scope_spans.scope.attributes
            for span in scope_spans.spans:
                yield span.attributes
                yield from (event.attributes for event in span.events)
