"""Spans to observations, by the rules of Langfuse 4.16.

The rules are the tables of the modules beside this one; here they become a row. Every span becomes
exactly one, whatever it carries. A stored span is mapped again whenever it is read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from . import fields, generations
from .costs import computed_cost, reported_cost
from .details import facets_of
from .observation import Observation
from .observation_type import observation_type
from .origin import Origin, Resource, Scope
from .plan import PLANS
from .prices import model_of
from .usage import usage
from .values import attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


__all__ = ["Place", "observation", "observations"]

# OTLP has 64 bits without a sign, a database one less: the year 2262 is the last.
_LAST: Final = 2**63 - 1
_PLACE_FIELDS: Final = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "start_time_unix_nano",
    "end_time_unix_nano",
)


class Place(NamedTuple):
    """Ids and times of an observation, which are kept outside the span."""

    id: str
    trace_id: str
    parent_id: str | None
    start_time: int
    end_time: int


def observations(
    request: ExportTraceServiceRequest, id_of: Callable[[bytes], str] = bytes.hex
) -> Iterator[Observation]:
    """Map each span to an observation, in the order of the request, one at a time.

    It takes the ids and times out of the request's spans.
    """
    now = time.time_ns()
    for resource_spans in request.resource_spans:
        resource = Resource.of(resource_spans)
        for scope_spans in resource_spans.scope_spans:
            origin = Origin.of(resource, Scope.of(scope_spans))
            for span in scope_spans.spans:
                yield _observation(span, _take_place(span, now, id_of), origin)


def observation(sent: bytes, place: Place, origin: Origin) -> Observation:
    """Map a span as `Observation.sent` keeps it."""
    return _observation(Span.FromString(sent), place, origin)


def _take_place(span: Span, now: int, id_of: Callable[[bytes], str]) -> Place:
    start, end = _times(span, now)
    parent = id_of(span.parent_span_id) or None
    place = Place(id_of(span.span_id), id_of(span.trace_id), parent, start, end)
    for name in _PLACE_FIELDS:
        span.ClearField(name)
    return place


def _observation(span: Span, place: Place, origin: Origin) -> Observation:
    values = attributes(span.attributes)
    plan = PLANS[tuple(values)]
    counted = {} if generations.is_roll_up(values) else values
    model = generations.model_name(counted)
    tokens = usage(counted) if counted and plan.has_usage else {}
    priced = model_of(model)
    reported = reported_cost(counted)
    computed = computed_cost(tokens, priced.prices) if priced else {}
    type_ = observation_type(values)
    prompted = values if type_ == "GENERATION" else {}
    resource = origin.resource
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return Observation(
        *place,
        type=type_,
        name=fields.name(values, span.name),
        completion_start_time=generations.completion_start(values),
        level=fields.level(values, failed=failed),
        status_message=fields.text_of(values.get(fields.STATUS_MESSAGE_KEY, span.status.message)),
        version=fields.text_of(values.get(fields.VERSION_KEY, resource.version)),
        release=fields.text_of(values.get(fields.RELEASE_KEY, resource.release)),
        environment=fields.environment(values, resource.attributes),
        public=fields.flag(values, fields.PUBLIC_KEYS),
        is_app_root=fields.flag(values, (fields.ROOT_KEY,)),
        user_id=fields.text(values, fields.USER_KEYS),
        session_id=fields.text(values, fields.SESSION_KEYS),
        trace_name=fields.text_of(values.get(fields.TRACE_NAME_KEY)) or None,
        tags=fields.tags(values),
        model=model,
        model_parameters=generations.parameters(values)
        if plan.has_parameters
        else generations.NO_PARAMETERS,
        usage=tokens,
        cost=reported or computed,
        is_priced=bool(computed and not reported),
        prompt_name=generations.prompt_name(prompted),
        prompt_version=generations.prompt_version(prompted),
        facets=facets_of(values, origin),
        origin=origin,
        sent=span.SerializeToString(),
    )


def _times(span: Span, now: int) -> tuple[int, int]:
    """Return start and end; a missing one is the other, both missing are now."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return min(start or end or now, _LAST), min(end or start or now, _LAST)
