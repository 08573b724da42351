"""Spans to observations, by the rules of Langfuse 4.16.

The rules are the tables of the modules beside this one; here they become a row. Every span becomes
exactly one, whatever it carries.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from langfuse_local.mapping import fields, generations
from langfuse_local.mapping.content import content
from langfuse_local.mapping.costs import computed_cost, sent_cost
from langfuse_local.mapping.kinds import is_old_sdk, kind
from langfuse_local.mapping.metadata import metadata, of_resource, of_scope
from langfuse_local.mapping.observation import Observation, Origin
from langfuse_local.mapping.prices import prices_of
from langfuse_local.mapping.shapes import SHAPES
from langfuse_local.mapping.tools import with_tools
from langfuse_local.mapping.usage import KNOWN_SCOPES, usage
from langfuse_local.mapping.values import Attributes, attributes

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
    scope: str
    has_dialect: bool
    own_sdk: bool
    old_sdk: bool
    version: str
    release: str
    now: int
    id_of: Callable[[bytes], str]


def observations(
    request: ExportTraceServiceRequest, id_of: Callable[[bytes], str] = bytes.hex
) -> Iterator[Observation]:
    """One observation per span, in the order of the request, made as they are asked for."""
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
        scope=spans.scope.name,
        has_dialect=spans.scope.name in KNOWN_SCOPES,
        own_sdk=spans.scope.name.startswith(_OWN_SDK),
        old_sdk=is_old_sdk(spans.scope.name, spans.scope.version, resource),
        version=fields.sent(resource.get(fields.SERVICE_VERSION_KEY)),
        release=fields.sent(resource.get(fields.RELEASE_KEY)),
        now=now,
        id_of=id_of,
    )


def _observation(span: Span, shared: _Shared) -> Observation:
    sent = attributes(span.attributes)
    shape = SHAPES[tuple(sent)]
    start, end = _times(span, shared.now)
    kept = {} if generations.is_roll_up(sent) else sent
    model = generations.model_name(kept)
    has_usage = shape.has_usage or shared.has_dialect
    tokens = usage(kept, shared.scope) if kept and has_usage else {}
    observation_type = kind(sent, scope=shared.scope, span_name=span.name, old_sdk=shared.old_sdk)
    prompted = sent if observation_type == "GENERATION" else {}
    given, answer = None, None
    if shape.has_content or span.events:
        given, answer = content(sent, span.events, shared.scope)
    own, origin = metadata(sent, shape.places, shared.origin, own_sdk=shared.own_sdk)
    given = with_tools(given, own)
    parameters = generations.NO_PARAMETERS
    if shape.has_parameters or shared.has_dialect:
        parameters = generations.parameters(sent, shared.scope)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return Observation(
        id=shared.id_of(span.span_id),
        trace_id=shared.id_of(span.trace_id),
        parent_id=shared.id_of(span.parent_span_id) or None,
        type=observation_type,
        name=fields.name(sent, span.name),
        start_time=start,
        end_time=end,
        completion_start_time=generations.completion_start(sent, start),
        level=fields.level(sent, span.name, shared.scope, failed=failed),
        status_message=fields.sent(sent.get(fields.STATUS_MESSAGE_KEY, span.status.message)),
        version=fields.sent(sent.get(fields.VERSION_KEY, shared.version)),
        release=fields.sent(sent.get(fields.RELEASE_KEY, shared.release)),
        environment=fields.environment(sent, shared.resource),
        public=fields.flag(sent, fields.PUBLIC_KEYS),
        is_app_root=fields.flag(sent, (fields.ROOT_KEY,)),
        user_id=fields.text(sent, fields.USER_KEYS),
        session_id=fields.text(sent, fields.SESSION_KEYS),
        trace_name=fields.sent(sent.get(fields.TRACE_NAME_KEY)) or None,
        tags=fields.tags(sent),
        model=model,
        model_parameters=parameters,
        usage=tokens,
        cost=_cost(kept, model, tokens),
        prompt_name=generations.prompt_name(prompted),
        prompt_version=generations.prompt_version(prompted),
        input=given,
        output=answer,
        own_metadata=own,
        origin=origin,
    )


def _cost(sent: Attributes, model: str, tokens: dict[str, int]) -> dict[str, float]:
    if cost := sent_cost(sent):
        return cost
    return computed_cost(tokens, prices_of(model))


def _times(span: Span, now: int) -> tuple[int, int]:
    """Start and end; a missing one is the other, both missing are now."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return min(start or end or now, _LAST), min(end or start or now, _LAST)
