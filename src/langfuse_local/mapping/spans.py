"""Spans to observations, by the rules of Langfuse 4.16.

The rules are the tables of the modules beside this one; here they become a row. Every span becomes
exactly one, whatever it carries.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from . import fields, generations
from .content import content
from .costs import computed_cost, reported_cost
from .metadata import metadata, of_resource, of_scope
from .observation import Observation, Origin
from .observation_type import observation_type
from .plan import PLANS
from .prices import prices_of
from .tools import with_tools
from .usage import usage
from .values import Attributes, attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


__all__ = ["observations"]

_OWN_SDK: Final = "langfuse-sdk"
# OTLP has 64 bits without a sign, a database one less: the year 2262 is the last.
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all spans of one scope of one resource share."""

    resource: Attributes
    origin: Origin
    own_sdk: bool
    version: str
    release: str
    now: int
    id_of: Callable[[bytes], str]


def observations(
    request: ExportTraceServiceRequest, id_of: Callable[[bytes], str] = bytes.hex
) -> Iterator[Observation]:
    """Map each span to an observation, in the order of the request, one at a time."""
    now = time.time_ns()
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource.attributes)
        described = of_resource(resource)
        for scope_spans in resource_spans.scope_spans:
            shared = _shared(scope_spans, resource, described, now, id_of)
            yield from (_observation(span, shared) for span in scope_spans.spans)


def _shared(
    spans: ScopeSpans,
    resource: Attributes,
    described: dict[str, str],
    now: int,
    id_of: Callable[[bytes], str],
) -> _Shared:
    return _Shared(
        resource=resource,
        origin=Origin(described | of_scope(spans.scope)),
        own_sdk=spans.scope.name.startswith(_OWN_SDK),
        version=fields.text_of(resource.get(fields.SERVICE_VERSION_KEY)),
        release=fields.text_of(resource.get(fields.RELEASE_KEY)),
        now=now,
        id_of=id_of,
    )


def _observation(span: Span, shared: _Shared) -> Observation:
    values = attributes(span.attributes)
    plan = PLANS[tuple(values)]
    start, end = _times(span, shared.now)
    counted = {} if generations.is_roll_up(values) else values
    model = generations.model_name(counted)
    tokens = usage(counted) if counted and plan.has_usage else {}
    type_ = observation_type(values)
    prompted = values if type_ == "GENERATION" else {}
    input_text, output_text = None, None
    if plan.has_content or span.events:
        input_text, output_text = content(values, span.events)
    own, origin = metadata(values, plan.places, shared.origin, own_sdk=shared.own_sdk)
    parameters = generations.NO_PARAMETERS
    if plan.has_parameters:
        parameters = generations.parameters(values)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return Observation(
        id=shared.id_of(span.span_id),
        trace_id=shared.id_of(span.trace_id),
        parent_id=shared.id_of(span.parent_span_id) or None,
        type=type_,
        name=fields.name(values, span.name),
        start_time=start,
        end_time=end,
        completion_start_time=generations.completion_start(values),
        level=fields.level(values, failed=failed),
        status_message=fields.text_of(values.get(fields.STATUS_MESSAGE_KEY, span.status.message)),
        version=fields.text_of(values.get(fields.VERSION_KEY, shared.version)),
        release=fields.text_of(values.get(fields.RELEASE_KEY, shared.release)),
        environment=fields.environment(values, shared.resource),
        public=fields.flag(values, fields.PUBLIC_KEYS),
        is_app_root=fields.flag(values, (fields.ROOT_KEY,)),
        user_id=fields.text(values, fields.USER_KEYS),
        session_id=fields.text(values, fields.SESSION_KEYS),
        trace_name=fields.text_of(values.get(fields.TRACE_NAME_KEY)) or None,
        tags=fields.tags(values),
        model=model,
        model_parameters=parameters,
        usage=tokens,
        cost=_cost(counted, model, tokens),
        prompt_name=generations.prompt_name(prompted),
        prompt_version=generations.prompt_version(prompted),
        input=with_tools(input_text, own),
        output=output_text,
        own_metadata=own,
        origin=origin,
    )


def _cost(values: Attributes, model: str, tokens: dict[str, int]) -> dict[str, float]:
    if cost := reported_cost(values):
        return cost
    return computed_cost(tokens, prices_of(model))


def _times(span: Span, now: int) -> tuple[int, int]:
    """Return start and end; a missing one is the other, both missing are now."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return min(start or end or now, _LAST), min(end or start or now, _LAST)
