"""What crosses the process in headers: `traceparent`, and baggage to named hosts alone.

A propagator does not know where a request goes, but the client span around the request does.
"""

from collections.abc import Collection, MutableMapping
from urllib.parse import urlsplit

from opentelemetry import baggage, trace
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
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .context import attached_baggage

__all__ = ["TrustedHostsPropagator"]

_HEADER = "baggage"
_HOSTS = ("server.address", "net.peer.name")
_ADDRESSES = ("url.full", "http.url")


class TrustedHostsPropagator(TextMapPropagator):
    """Sends `traceparent` to all hosts and Langfuse's baggage to trusted ones; accepts no baggage.

    `requests` follows a redirect without asking again, and sends the header along: call trusted
    hosts with `allow_redirects=False`. httpx asks. A service that wants the values of
    a caller it has authenticated reads the header itself and hands them to the service's
    context manager, which checks them.
    """

    def __init__(self, hosts: Collection[str] = ()) -> None:
        if isinstance(hosts, str):
            raise TypeError("trusted_hosts should be a collection of host names, not one text.")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._trace = TraceContextTextMapPropagator()
        self._baggage = W3CBaggagePropagator()

    @property
    def fields(self) -> set[str]:
        """Names of the headers that may be written."""
        return self._trace.fields | ({_HEADER} if self._hosts else set())

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Read the parent span, and nothing else."""
        return self._trace.extract(carrier, context, getter)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the parent span, and baggage if the request's client span names a trusted host."""
        self._trace.inject(carrier, context, setter)
        if _host(context) in self._hosts:
            self._baggage.inject(carrier, _allowed(context), setter)
        elif isinstance(carrier, MutableMapping) and _HEADER in carrier:
            # A client that follows a redirect sends the first request's headers to the next host.
            del carrier[_HEADER]


def _host(context: Context | None) -> str | None:
    span = trace.get_current_span(context)
    if not isinstance(span, ReadableSpan) or span.kind is not SpanKind.CLIENT:
        return None
    attributes = span.attributes or {}
    address = next((str(attributes[key]) for key in _ADDRESSES if key in attributes), None)
    if address:
        return urlsplit(address).hostname
    return next((str(attributes[key]).lower() for key in _HOSTS if key in attributes), None)


def _allowed(context: Context | None) -> Context:
    allowed = Context()
    for key, value in attached_baggage(context).items():
        allowed = baggage.set_baggage(key, value, allowed)
    return allowed
