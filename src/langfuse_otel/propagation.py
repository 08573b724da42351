"""What crosses the process in headers: the parent span, and baggage to named hosts alone.

A propagator does not know where a request goes, but the client span around the request does.
"""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from urllib.parse import unquote_plus, urlsplit

from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.util.types import Attributes

from .context import OWN_PREFIXES, attached_baggage

__all__ = ["TrustedHostsPropagator", "TrustedHostsSampler"]

_HEADER = "baggage"
_HOSTS = ("server.address", "net.peer.name")
_ADDRESSES = ("url.full", "http.url")


class TrustedHostsPropagator(TextMapPropagator):
    """Sends Langfuse's baggage to trusted hosts alone, and accepts no baggage.

    What carries the parent span is as before: `traceparent`, or what OTEL_PROPAGATORS says. A
    `baggage` header that the application sets itself is left in place.

    The host is read from the request's client span, and one that is not sampled has none: give the
    provider a `TrustedHostsSampler` around its sampler, and baggage goes with those requests, too.

    `requests`, `urllib` and aiohttp follow a redirect without asking again, and send the header
    along: call trusted hosts with redirects switched off. httpx and urllib3 ask. A service that
    wants the values of a caller it has authenticated reads the header itself and hands them to the
    service's context manager, which checks them.

    Attributes:
        parent: Carries the parent span.
    """

    def __init__(self, hosts: Collection[str] = ()) -> None:
        if isinstance(hosts, str):
            raise TypeError("trusted_hosts should be a collection of host names, not one text.")
        self._hosts = frozenset(host.lower() for host in hosts)
        before = propagate.get_global_textmap()
        if isinstance(before, TrustedHostsPropagator):  # Its hosts are not trusted any more.
            before = before.parent
        self.parent: TextMapPropagator = before

    @property
    def fields(self) -> set[str]:
        """Names of the headers that may be written."""
        return self.parent.fields - {_HEADER} | ({_HEADER} if self._hosts else set())

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Read the parent span, and nothing else."""
        before = Context() if context is None else context
        span = trace.get_current_span(self.parent.extract(carrier, before, getter))
        return (
            before if span is trace.get_current_span(before) else set_span_in_context(span, before)
        )

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the parent span, and baggage if the request's client span names a trusted host."""
        # Some formats for the parent span have headers of their own for baggage.
        self.parent.inject(carrier, baggage.clear(context), setter)
        entries = attached_baggage(context)
        before = _header(carrier)
        members = [each for each in before.split(",") if each and not _is_ours(each, entries)]
        if _host(context) in self._hosts:
            members += _encoded(entries)
        if members:
            setter.set(carrier, _HEADER, ",".join(members))
        elif before and isinstance(carrier, MutableMapping):
            # A client that follows a redirect sends the first request's headers to the next host.
            del carrier[_HEADER]


class TrustedHostsSampler(Sampler):
    """Decides as another sampler does, and keeps the host of requests that are not sampled.

    Their spans are recorded, for the propagator to read, and not exported. The SDK's own
    `AlwaysRecordSampler` loses the attributes that a span starts with.
    """

    def __init__(self, root: Sampler) -> None:
        self._root = root

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the other sampler's decision, and RECORD_ONLY for a request that it drops."""
        result = self._root.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is Decision.DROP and kind is SpanKind.CLIENT:
            return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)
        return result

    def get_description(self) -> str:
        """Return the name of both."""
        return f"TrustedHostsSampler{{{self._root.get_description()}}}"


def _header(carrier: object) -> str:
    value = carrier.get(_HEADER) if isinstance(carrier, Mapping) else None
    return value if isinstance(value, str) else ""


def _is_ours(member: str, entries: Mapping[str, str]) -> bool:
    key = unquote_plus(member.partition("=")[0]).strip()
    return key in entries or key.startswith(OWN_PREFIXES)


def _encoded(entries: Mapping[str, str]) -> Iterable[str]:
    context = Context()
    for key, value in entries.items():
        context = baggage.set_baggage(key, value, context)
    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier, context)
    return filter(None, carrier.get(_HEADER, "").split(","))


def _host(context: Context | None) -> str | None:
    span = trace.get_current_span(context)
    if not isinstance(span, ReadableSpan) or span.kind is not SpanKind.CLIENT:
        return None
    attributes = span.attributes or {}
    address = next((str(attributes[key]) for key in _ADDRESSES if key in attributes), None)
    if address:
        return urlsplit(address).hostname
    return next((str(attributes[key]).lower() for key in _HOSTS if key in attributes), None)
