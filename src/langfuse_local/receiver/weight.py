"""How much a request holds beyond its bytes: two bytes of it can become hundreds in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langfuse_local.receiver.otlp import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["MAX_VALUES", "TooManyError", "check_json", "check_values"]

MAX_VALUES: Final = 1_000_000
# Objects, lists and commas; JSON takes several times the memory of protobuf to read.
_MAX_JSON_SIGNS: Final = 500_000


class TooManyError(BadRequest):
    """The request has more values than can be held in bounded memory."""

    status = 413

    def __init__(self) -> None:
        super().__init__("The request holds too many attributes or values: send smaller batches.")


def check_json(body: bytes) -> None:
    """Check a body before it is parsed; raises TooManyError."""
    if sum(map(body.count, (b"{", b"[", b","))) > _MAX_JSON_SIGNS:
        raise TooManyError


def check_values(request: ExportTraceServiceRequest, size: int) -> None:
    """Check a decoded request that took this many bytes; raises TooManyError."""
    if size < 2 * MAX_VALUES:  # A value takes two bytes at least.
        return
    total = 0
    pending: list[Any] = list(_lists(request))
    while pending:
        values = pending.pop()
        total += len(values)
        if total > MAX_VALUES:
            raise TooManyError
        for one in values:
            value = getattr(one, "value", one)  # of a KeyValue, else an AnyValue itself
            kind = value.WhichOneof("value")
            if kind in {"array_value", "kvlist_value"}:
                pending.append(getattr(value, kind).values)


def _lists(request: ExportTraceServiceRequest) -> Iterable[Any]:
    for resource_spans in request.resource_spans:
        yield resource_spans.resource.attributes
        for scope_spans in resource_spans.scope_spans:
            yield scope_spans.scope.attributes
            for span in scope_spans.spans:
                yield span.attributes
                yield from (event.attributes for event in span.events)
