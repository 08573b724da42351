"""Hostile spans and harmless ones, each with what has to come out of the privacy guard.

What must be masked is put into every place that a span has for text; a look-alike goes into the
same places and must come out as it went in.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import Value, plain, request, span

Attributes = Mapping[str, Value]


@dataclass(frozen=True)
class Span:
    """One span, its resource and its scope, as plain values."""

    name: str = "chat demo"
    attributes: Attributes | None = None
    events: tuple[tuple[str, Attributes], ...] = ()
    status: str = ""
    resource: Attributes | None = None
    scope: Attributes | None = None
    scope_name: str = "tests"
    scope_version: str = ""

    def request(self) -> ExportTraceServiceRequest:
        """Return it as an export request."""
        made = span(self.name, self.attributes, events=self.events, status=self.status)
        return request(
            [made],
            resource=self.resource or {"service.name": "demo"},
            scope=self.scope,
            scope_name=self.scope_name,
            scope_version=self.scope_version,
        )

    @classmethod
    def of(cls, resource_spans: Any) -> "Span":
        """Return what one ResourceSpans of one span says."""
        (scope,) = resource_spans.scope_spans
        (sent,) = scope.spans
        return cls(
            name=sent.name,
            attributes=plain(sent.attributes),
            events=tuple((event.name, plain(event.attributes)) for event in sent.events),
            status=sent.status.message,
            resource=plain(resource_spans.resource.attributes),
            scope=plain(scope.scope.attributes),
            scope_name=scope.scope.name,
            scope_version=scope.scope.version,
        )


@dataclass(frozen=True)
class Case:
    """What is sent, and what has to arrive."""

    name: str
    sent: Span
    arrives: Span


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


SECRETS: Final[Mapping[str, str]] = {
    "e-mail": "ada@example.org",
    "e-mail with tag": "ada.lovelace+demo@mail.example.co.uk",
    "e-mail in capitals": "ADA@EXAMPLE.ORG",
    "e-mail percent-encoded": "ada%2Bx%40example.org",
    "e-mail international": "müller@bücher.example",
    "e-mail in Cyrillic": "почта@пример.рф",
    "order": "ORDER-924",
    "order in lower case": "order-17",
    "order with a hash": "Order #4711",
    "order with a typographic dash": "ORDER\u2011924",
    "bearer token": "Bearer abcdefghijklmnopqrstuvwx",
    "short bearer token": "bearer abc123def456",
    "basic credentials": "Basic cGstbGYtZGVtbzpzay1sZi1kZW1v",
    "short basic credentials": "Basic dXNlcjpwYXNz=",
    "model provider's key": "sk-proj-abcdefghij0123456789",
    "Langfuse secret key": "sk-lf-3f1c9a52-77ab-4d0e-9a55-0123456789ab",
    "Langfuse public key": "pk-lf-3f1c9a52-77ab-4d0e-9a55-0123456789ab",
    "payment provider's key": "sk_live_0123456789abcdef",
    "GitHub token": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "GitHub fine-grained token": "github_pat_0123456789abcdefghij_ABCDEFGHIJ",
    "GitLab token": "glpat-0123456789abcdefghij",
    "Slack token": "xoxb-0123456789-abcdefghij",
    "AWS key id": "AKIAIOSFODNN7EXAMPLE",
    "Google key": "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\nAAAA\n-----END RSA PRIVATE KEY-----",
    "password in a query": "password=correct-horse",
    "token in a query": "access_token=0123456789abcdef",
}
"""By what it is: a text that comes out as four asterisks, whole."""

LOOK_ALIKES: Final[Mapping[str, str]] = {
    "tag": "order-status",
    "plural": "orders: 3 of 924",
    "another word": "reorder-5 border-2px",
    "no digits": "ORDER- and ORDER-X",
    "package version": "react@18.2.0",
    "handle": "@langfuse and ada@",
    "no domain": "root@localhost",
    "task and risk": "task-0123456789abcdefghij risk-0123456789abcdefghij",
    "short key": "sk-short",
    "bearer of news": "the bearer responsibilities",
    "basic words": "basic responsibilities and basic 4",
    "usage": "max_tokens=4096&top_p=1",
    "identifiers": "conv_82d9535867844b4c8cdff usr_pseudo_7f31c2",
    "date": "2026-11-21T03:34:42.123456789Z",
    "address": "http://127.0.0.1:4318/v1/traces?project=demo",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "not a token": "eyJhbGciOi.x.y",
    "other scripts": "Wo ist meine Bestellung? 注文はどこですか 🚚",
    "asterisks": "**** was here",
    "OTTL and YAML": "${env:LANGFUSE_SECRET_KEY} $1 $${1} span.name",
}
"""By why: a text that comes out as it is."""

PLACES: Final[Mapping[str, tuple[Callable[[str], Span], Callable[[str], Span]]]] = {
    # place: (a span with the text there, the span when the guard has masked something in it)
    "attribute": (lambda t: Span(attributes={"app.note": t}),) * 2,
    "observation input": (lambda t: Span(attributes={"langfuse.observation.input": t}),) * 2,
    "allowed metadata": (lambda t: Span(attributes={"langfuse.trace.metadata.region": t}),) * 2,
    "JSON in an attribute": (lambda t: Span(attributes={"app.json": _json({"a": [t, 1]})}),) * 2,
    "array": (
        lambda t: Span(attributes={"app.list": ["before", t, "after"]}),
        lambda t: Span(attributes={"app.list": _json(["before", t, "after"])}),
    ),
    "map": (
        lambda t: Span(attributes={"app.map": {"outer": {"inner": t}}}),
        lambda t: Span(attributes={"app.map": _json({"outer": {"inner": t}})}),
    ),
    "span name": (lambda t: Span(name=t),) * 2,
    "status message": (lambda t: Span(status=t),) * 2,
    "event name": (lambda t: Span(events=(("first", {}), (t, {"k": 1}))),) * 2,
    "event attribute": (lambda t: Span(events=(("exception", {"exception.message": t}),)),) * 2,
    "event array": (
        lambda t: Span(events=(("e", {"list": [t, "after"]}),)),
        lambda t: Span(events=(("e", {"list": _json([t, "after"])}),)),
    ),
    "resource attribute": (lambda t: Span(resource={"service.name": "demo", "note": t}),) * 2,
    "scope attribute": (lambda t: Span(scope={"note": t}),) * 2,
    "scope name": (lambda t: Span(scope_name=t),) * 2,
    "scope version": (lambda t: Span(scope_version=t),) * 2,
}

_CONTEXT: Final[Attributes] = {
    "langfuse.session.id": "conv_82d9535867844b4c8cdff",
    "langfuse.user.id": "usr_pseudo_7f31c2",
    "langfuse.trace.name": "order-status-turn",
    "langfuse.version": "local",
    "langfuse.trace.tags": ["order-status", "langgraph", "a,b"],
    "langfuse.trace.metadata.environment": "development",
    "langfuse.trace.metadata.workflow": "order-status",
    "langfuse.trace.metadata.region": "eu",
    "langfuse.trace.metadata.tenant_tier": "team",
    "langfuse.observation.metadata.langgraph_node": "authorize",
    "langfuse.observation.metadata.langgraph_step": 1,
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 924,
    "gen_ai.usage.output_tokens": 17,
    "gen_ai.usage.cost": 0.00014,
    "langfuse.observation.usage_details": '{"input":100,"output":17}',
    "langfuse.observation.cost_details": '{"total":0.00014}',
    "app.flag": True,
    "app.numbers": [1, 2.5, True],
    "app.bytes": b"\x00\x01\xff",
    "app.empty": "",
}


def _whole() -> Span:
    return Span(
        name="invoke_agent order-status",
        attributes=_CONTEXT,
        events=(("gen_ai.choice", {"index": 0}), ("", {})),
        status="timed out",
        resource={"service.name": "demo", "service.version": "1.2.3", "process.pid": 4711},
        scope={"short_name": "demo"},
    )


def _metadata(name: str, key: str, *, kept: bool) -> Case:
    harmless: Attributes = {"langfuse.session.id": "conv_1"}
    sent = Span(attributes={**harmless, key: "eu"})
    return Case(f"metadata: {name}", sent, sent if kept else Span(attributes=harmless))


def _masked(name: str, sent: Attributes, arrives: Attributes) -> Case:
    return Case(name, Span(attributes=sent), Span(attributes=arrives))


def _special() -> Iterator[Case]:
    yield Case("the whole trace context", _whole(), _whole())
    yield Case("nothing at all", Span(name=""), Span(name=""))
    yield _metadata("allowed", "langfuse.trace.metadata.region", kept=True)
    yield _metadata("allowed tier", "langfuse.trace.metadata.tenant_tier", kept=True)
    yield _metadata("unknown key", "langfuse.trace.metadata.customer", kept=False)
    yield _metadata("allowed as a prefix", "langfuse.trace.metadata.region.name", kept=False)
    yield _metadata("allowed as an ending", "langfuse.trace.metadata.x.region", kept=False)
    yield _metadata("other capitals", "langfuse.trace.metadata.Region", kept=False)
    yield _metadata("with a line break", "langfuse.trace.metadata.region\n", kept=False)
    yield _metadata("no key", "langfuse.trace.metadata.", kept=False)
    yield _metadata("as one object", "langfuse.trace.metadata", kept=False)
    yield _metadata("older spelling", "langfuse.metadata.customer", kept=False)
    yield _metadata("older object", "langfuse.metadata", kept=False)
    yield _metadata("another SDK's spelling", "ai.telemetry.metadata.customer", kept=False)
    yield _metadata("not metadata", "langfuse.trace.metadatum", kept=True)
    yield _metadata("the guard's own step", "guard.keep.customer", kept=False)
    yield _metadata("the guard's own name", "guard.name", kept=False)
    yield _metadata("the guard's own status", "guard.status", kept=False)
    yield _metadata("not the guard's", "guardrail.name", kept=True)
    yield Case(
        "the guard's own name on a scope",
        Span(scope={"guard.name": "forged", "guard.x": 1}, scope_version="1.2.3"),
        Span(scope_version="1.2.3"),
    )
    yield Case(
        "the guard's own name on an event",
        Span(events=(("kept", {"guard.name": "forged", "guard.x": 1}),)),
        Span(events=(("kept", {}),)),
    )
    yield _masked(
        "tags keep their number",
        {"langfuse.trace.tags": ["langgraph", "ada@example.org"]},
        {"langfuse.trace.tags": '["langgraph","****"]'},
    )
    yield _masked(
        "an id that is an address",
        {"langfuse.user.id": "ada@example.org", "langfuse.session.id": "ORDER-924"},
        {"langfuse.user.id": "****", "langfuse.session.id": "****"},
    )
    yield _masked(
        "several in one text",
        {"note": "ada@example.org asked about ORDER-1 and ORDER-22 (Bearer abc123def456)"},
        {"note": "**** asked about **** and **** (****)"},
    )
    yield _masked(
        "a header by its key",
        {"http.request.header.authorization": ["abc"], "db.password": "x", "app.API-Key": 7},
        {"http.request.header.authorization": "****", "db.password": "****", "app.API-Key": "****"},
    )
    yield _masked(
        "not a credential's key",
        {"gen_ai.usage.total_tokens": 7, "app.secretary": "x", "keyboard": "x"},
        {"gen_ai.usage.total_tokens": 7, "app.secretary": "x", "keyboard": "x"},
    )
    yield _masked(
        "credentials in an address",
        {"url.full": "redis://default:hunter22@redis:6379/0", "x": "https://ada:pw@localhost/a"},
        {"url.full": "redis****redis:6379/0", "x": "https****localhost/a"},
    )
    for key in ("ada@example.org", "x.ORDER-924", "a.hf_abcdefghijklmnopqrst"):
        keyed: Attributes = {key: "x", "kept": "x"}
        kept: Attributes = {"kept": "x"}
        yield Case(
            f"a private key: {key}",
            Span(attributes=keyed, events=(("e", keyed),), resource=keyed, scope=keyed),
            Span(attributes=kept, events=(("e", kept),), resource=kept, scope=kept),
        )
    yield _masked("an order in an identifier", {"k": "refORDER-924x"}, {"k": "ref****x"})
    yield _masked("header parameter", {"h": "Bearer%20abc123def456;x"}, {"h": "****;x"})


JSON_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # What a JSON text in an attribute says, before and after; escaped in every way below.
    "after a line break": ("hi\nada@example.org", "hi****"),
    "after a tab": ("hi\tORDER-924", "hi****"),
    "after a quotation mark": ('say "ada@example.org"', 'say "****"'),
    "after a backslash": ("path\\ORDER-924", "path\\****"),
    "before a line break": ("ORDER-924\nada@example.org\n", "********\n"),
    "key after a line break": ("k\nsk-proj-abcdefghij0123456789\n", "k****\n"),
    "escaped letters": ("müller@bücher.рф!", "****!"),
    "escaped dash": ("ORDER\u2011924.", "****."),
    "nothing in it": ('hi\n\t"you" \\ é', 'hi\n\t"you" \\ é'),
}


def json_cases() -> Iterator[tuple[str, str, object]]:
    """Return JSON texts by name, with what the masked text has to parse to."""
    for name, (text, masked) in JSON_TEXTS.items():
        for ascii_only in (True, False):
            once = json.dumps({"messages": [{"content": text}]}, ensure_ascii=ascii_only)
            twice = json.dumps({"body": once}, ensure_ascii=ascii_only)
            form = "escaped" if ascii_only else "as it is"
            yield f"{name}, {form}", once, {"messages": [{"content": masked}]}
            yield f"{name}, {form}, twice", twice, {"body": {"messages": [{"content": masked}]}}


def cases() -> Iterator[Case]:
    """Return every case whose outcome is known to the letter."""
    for place, (before, after) in PLACES.items():
        for kind, secret in SECRETS.items():
            if place == "JSON in an attribute" and "\n" in secret:
                continue  # its escapes are JSON_TEXTS' matter
            sent = before(f"it is {secret}")
            yield _complete(Case(f"{kind} in {place}", sent, after("it is ****")))
        for reason, text in LOOK_ALIKES.items():
            yield _complete(Case(f"look-alike ({reason}) in {place}", before(text), before(text)))
    yield from map(_complete, _special())


def _complete(case: Case) -> Case:
    arrives = replace(
        case.arrives,
        attributes=case.arrives.attributes or {},
        resource=case.arrives.resource or {"service.name": "demo"},
        scope=case.arrives.scope or {},
    )
    return replace(case, arrives=arrives)
