"""Sessions that a real backend holds: healthy ones stay green, broken ones turn just their rows red.

Each is sent as OTLP and read back through the API. A case names what it changes, the promises that
it breaks, and those that it leaves unchecked (feedback, which nobody gives here, unless said).
"""

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import pytest
from backends import Backend
from sessions import METADATA, QUERY, Change, Session, Span, healthy_session

from langfuse_checks.verify.arrived import ALL_ARRIVED
from langfuse_checks.verify.report import exit_code
from langfuse_checks.verify.verdicts import Status
from langfuse_checks.verify.verification import verify

HOUR: Final = 3_600_000_000_000
FEEDBACK: Final = {"feedback"}
NO_MODEL: Final = {"feedback", "cost", "cost_by_user", "usage"}
ALL_CONTEXT: Final = {
    "carries_session",
    "carries_user",
    "carries_trace_name",
    "carries_version",
    "carries_tags",
    "carries_metadata",
}
CHAT, ROOT, TOOL = "chat", "invoke_agent", "execute_tool"
SESSION, USER = "langfuse.session.id", "langfuse.user.id"
EMAIL = "anna.k@example.com"

Seen = tuple[set[str], set[str], int]
"""The promises that are broken, those that are unchecked, and the exit code."""

_hours = count(1)


def on(name: str, *, turn: int = 0, **attributes: Any) -> Change:
    """Set attributes of one span; names are given with `__` for a dot, None removes."""
    return lambda session: put(session.span(name, turn), **attributes)


def everywhere(**attributes: Any) -> Change:
    """Set attributes of every span."""
    return lambda session: [put(span, **attributes) for span in session]


def put(span: Span, **attributes: Any) -> None:
    """Set attributes of a span, or remove those that are None."""
    for name, value in attributes.items():
        key = name.replace("__", ".")
        span.attributes.pop(key, None)
        if value is not None:
            span.attributes[key] = value


def expecting(**changes: Any) -> Change:
    """Let a whole session carry other values, and expect just these."""

    def change(session: Session) -> None:
        session.expected = type(session.expected)(
            **{
                "session": session.expected.session,
                "user": session.expected.user,
                "trace_name": session.expected.trace_name,
                "tags": session.expected.tags,
                **changes,
            }
        )
        for span in session:
            put(
                span,
                langfuse__session__id=session.expected.session,
                langfuse__user__id=session.expected.user,
                langfuse__trace__name=session.expected.trace_name,
                langfuse__trace__tags=list(session.expected.tags),
            )

    return change


def metadata(name: str = "", **values: Any) -> Change:
    """Set trace metadata of one span, or of every span."""
    given = {f"{METADATA}{key}": value for key, value in values.items()}
    return on(name, **given) if name else everywhere(**given)


def resource(name: str = "", **attributes: Any) -> Change:
    """Set resource attributes of one span, or of every span."""

    def change(session: Session) -> None:
        for span in [session.span(name)] if name else session:
            for key, value in attributes.items():
                span.resource.pop(key.replace("__", "."), None)
                if value is not None:
                    span.resource[key.replace("__", ".")] = value

    return change


def scope(**values: Any) -> Change:
    """Set the scope of the model's span."""
    return lambda session: session.span(CHAT).scope.update(values)


def without(*names: str, turns: tuple[int, ...] = (0,)) -> Change:
    """Lose spans."""

    def change(session: Session) -> None:
        lost = {session.span(name, turn).id for name in names for turn in turns}
        session.spans = [span for span in session if span.id not in lost]

    return change


def both(*changes: Change) -> Change:
    """Do one change after the other."""
    return lambda session: [change(session) for change in changes]


def beside(name: str, start: float, *, context: str | None = None, **changes: Any) -> Change:
    """Add the root of another trace: without context, or with that of the session `context`."""

    def change(session: Session) -> None:
        span = session.span(CHAT).moved(
            trace=f"{time.time_ns():032x}", parent="", name=name, start=start, takes=2, **changes
        )
        span.attributes = {k: v for k, v in span.attributes.items() if k[:6] != "gen_ai"}
        if context is None:
            span.attributes = {}
        elif context:
            span.attributes[SESSION] = context
        session.spans.append(span)

    return change


def another_trace(name: str, **attributes: Any) -> Change:
    """Move a span to a trace of its own; its parent stays where it is."""

    def change(session: Session) -> None:
        span = session.span(name)
        span.trace = f"{time.time_ns():032x}"
        put(span, **attributes)

    return change


def turn_of(user: str, minutes: float, **changes: Any) -> Change:
    """Add a healthy turn of another session."""
    return lambda session: session.add_turn(
        minutes, session=f"{session.expected.session}_{user}", user=user, **changes
    )


def denied(session: Session, turn: int) -> None:
    """Let a turn end after its guardrail."""
    kept = {span.id for span in session.turn(turn) if span.name.startswith((ROOT, "authorize"))}
    others = {span.id for span in session if span not in session.turn(turn)}
    session.spans = [span for span in session if span.id in kept | others]


def swap_parents(session: Session) -> None:
    """Let a span of each turn name the other turn's span as its parent."""
    session.span(CHAT, 0).parent = session.span("compose", 1).id


def own_trace_ids(session: Session) -> None:
    """Send the trace id as the session id."""
    for span in session:
        span.attributes[SESSION] = span.trace


def slow(session: Session) -> None:
    """Let a child end, and another start, after the root has ended."""
    session.span(CHAT).takes = 4000
    session.span("compose").start = 150


def retried(session: Session) -> None:
    """Add a failed attempt of the model before the one that succeeds."""
    failed = session.span(CHAT).moved(start=51, takes=1)
    put(failed, gen_ai__usage__input_tokens=None, gen_ai__usage__output_tokens=None)
    put(failed, gen_ai__usage__cost=None, error__type="ModelBusyError")
    session.spans.append(failed)


def unpriced(session: Session) -> None:
    """Use a model whose price nobody knows."""
    for turn in (0, 1):
        put(session.span(CHAT, turn), gen_ai__usage__cost=None, gen_ai__request__model="own-1")


def nothing(_: Session) -> None:
    """Change nothing."""


HEALTHY: dict[str, tuple[Change, set[str]]] = {
    "two turns": (nothing, FEEDBACK),
    "a third turn": (lambda s: s.add_turn(2), FEEDBACK),
    "twelve turns": (lambda s: [s.add_turn(m) for m in range(2, 12)], FEEDBACK),
    "two turns at the same time": (lambda s: s.add_turn(1.0002), FEEDBACK),
    "turns in quick succession": (lambda s: s.add_turn(1.002), FEEDBACK),
    "sent in reverse": (lambda s: s.spans.reverse(), FEEDBACK),
    "sent twice": (lambda s: s.spans.extend(list(s.spans)), FEEDBACK),
    "one turn denied": (lambda s: denied(s, 1), FEEDBACK),
    "every turn denied": (lambda s: [denied(s, 0), denied(s, 1)], NO_MODEL),
    "a model's attempt that failed": (retried, FEEDBACK),
    "children that outlive the root": (slow, FEEDBACK),
    "spans without duration": (lambda s: [setattr(x, "takes", 0) for x in s], FEEDBACK),
    "an unknown price": (unpriced, {"feedback", "cost_by_user"}),
    "one unknown price": (on(CHAT, gen_ai__usage__cost=None, gen_ai__request__model="x"), FEEDBACK),
    "a price that the server knows": (
        lambda s: [
            put(s.span(CHAT, t), gen_ai__usage__cost=None, gen_ai__request__model="gpt-4o-mini")
            for t in (0, 1)
        ],
        FEEDBACK,
    ),
    "cached tokens": (on(CHAT, gen_ai__usage__cache_read__input_tokens=30), FEEDBACK),
    "an embedding with usage": (
        lambda s: put(s.span(TOOL), gen_ai__operation__name="embeddings",
                      gen_ai__usage__input_tokens=9, gen_ai__usage__cost=1e-7),
        FEEDBACK,
    ),
    "usage on the agent, too": (
        on(ROOT, gen_ai__usage__input_tokens=120, gen_ai__usage__output_tokens=30), FEEDBACK
    ),
    "an event in a turn": (on(TOOL, langfuse__observation__type="event"), FEEDBACK),
    "without content": (on(ROOT, langfuse__observation__input=None), FEEDBACK),
    "a short question": (on(ROOT, langfuse__observation__input="eu"), FEEDBACK),
    "a question in the trace's own words": (
        on(ROOT, langfuse__observation__input="order-status"), FEEDBACK
    ),
    "a question that is a word of the metadata": (
        on(ROOT, langfuse__observation__input="production"), FEEDBACK
    ),
    "an e-mail address in the content alone": (
        on(ROOT, langfuse__observation__output=f"Sent to {EMAIL}."), FEEDBACK
    ),
    "production": (
        both(metadata(environment="production"),
             resource(deployment__environment__name="production")),
        FEEDBACK,
    ),
    "a deployment between the turns": (
        lambda s: [put(x, langfuse__version="1.5.0") for x in s.turn(1)], FEEDBACK
    ),
    "another region in the next turn": (
        lambda s: [put(x, **{f"{METADATA}region": "us"}) for x in s.turn(1)], FEEDBACK
    ),
    "a handoff in the next turn": (
        lambda s: [put(x, **{f"{METADATA}workflow": "handoff"}) for x in s.turn(1)], FEEDBACK
    ),
    "a tenant's tier": (metadata(tenant_tier="team"), FEEDBACK),
    "a tier from the next turn on": (
        lambda s: [put(x, **{f"{METADATA}tenant_tier": "team"}) for x in s.turn(1)], FEEDBACK
    ),
    "ids that are UUIDs": (
        expecting(session="0f8fad5b-d9cb-469f-a165-70867728950e",
                  user="7c9e6679-7425-40de-944b-e07fc1f90ae7"),
        FEEDBACK,
    ),
    "a tag with a comma": (expecting(tags=("order-status", "delivery,eu")), FEEDBACK),
    "one tag": (expecting(tags=("order-status",)), FEEDBACK),
    "a long trace name": (expecting(trace_name="order-status-turn-" + "x" * 150), FEEDBACK),
    "another user at the same time": (turn_of("usr_other", 0.0005), FEEDBACK),
    "another user right after": (turn_of("usr_other", 0.003), FEEDBACK),
    "a stray step of another user": (
        both(turn_of("usr_other", 0.0005),
             lambda s: beside("execute_tool get_order", 60, context=f"{s.expected.session}_usr_other")(s)),
        FEEDBACK,
    ),
    "a stray of the turn of another user that came later": (
        both(turn_of("usr_other", 0.005), beside("execute_tool get_order", 420)), FEEDBACK
    ),
    "another service at the same time": (
        beside("job", 20, resource={"service.name": "billing"}), FEEDBACK
    ),
    "work of the service long after": (beside("nightly", 3_000_000), FEEDBACK),
    "work of the service just before": (beside("warm-up", -20), FEEDBACK),
    "a health check": (
        both(beside("GET /health", 20),
             lambda s: put(s.spans[-1], http__request__method="GET", url__path="/health")),
        FEEDBACK,
    ),
    "a process described at length": (
        resource(process__command_args=["python", "-m", "agent_observability.main"],
                 process__pid=4711, host__name="ip-10-0-0-7", os__type="linux"),
        FEEDBACK,
    ),
    "an instrumentation's scope": (
        scope(name="opentelemetry.instrumentation.httpx", version="0.60b1"), FEEDBACK
    ),
    "metadata of single observations": (
        on(TOOL, langfuse__observation__metadata__document_ids=["delivery-eu", "refund-eu"]),
        FEEDBACK,
    ),
    "a service that states no name": (resource(service__name=None), FEEDBACK),
    "an error in a turn": (on("lookup", error__type="CarrierTimeoutError"), FEEDBACK),
}  # fmt: skip

BROKEN: dict[str, tuple[Change, set[str]]] = {
    # The session.
    "one turn": (lambda s: setattr(s, "spans", s.turn(0)), {"session"}),
    "the next turn in another session": (
        lambda s: [put(x, langfuse__session__id="conv_other") for x in s.turn(1)], {"session"}
    ),
    "no session anywhere": (everywhere(langfuse__session__id=None), {"session"}),
    "the trace id as session id": (own_trace_ids, {"session", "trace_id"}),
    "the trace id as session id of one span": (
        lambda s: put(s.span(TOOL), langfuse__session__id=s.span(TOOL).trace),
        {"carries_session", "trace_id"},
    ),
    # What every observation carries.
    "no session on the root": (on(ROOT, langfuse__session__id=None), {"carries_session"}),
    "no session on a tool": (on(TOOL, langfuse__session__id=None), {"carries_session"}),
    "no session on the model": (
        on(CHAT, langfuse__session__id=None), {"carries_session", "cost_by_user"}
    ),
    "another session on a tool": (on(TOOL, langfuse__session__id="conv_b"), {"carries_session"}),
    "a session in capitals": (
        lambda s: put(s.span(TOOL), langfuse__session__id=s.expected.session.upper()),
        {"carries_session"},
    ),
    "no user on the root": (on(ROOT, langfuse__user__id=None), {"carries_user"}),
    "no user on a tool": (on(TOOL, langfuse__user__id=None), {"carries_user"}),
    "no user on the model": (on(CHAT, langfuse__user__id=None), {"carries_user", "cost_by_user"}),
    "another user's model": (on(CHAT, langfuse__user__id="usr_b"), {"carries_user", "cost_by_user"}),
    "another user in one turn": (
        lambda s: [put(x, langfuse__user__id="usr_b") for x in s.turn(1)],
        {"carries_user", "cost_by_user"},
    ),
    "no user anywhere": (everywhere(langfuse__user__id=None), {"carries_user", "cost_by_user"}),
    "no trace name on a tool": (on(TOOL, langfuse__trace__name=None), {"carries_trace_name"}),
    "another trace name on the model": (
        on(CHAT, langfuse__trace__name="chat"), {"carries_trace_name"}
    ),
    "no trace name on the root": (
        on(ROOT, langfuse__trace__name=None), {"root", "carries_trace_name"}
    ),
    "another trace name everywhere": (
        everywhere(langfuse__trace__name="turn"), {"root", "carries_trace_name"}
    ),
    "another version on a tool": (on(TOOL, langfuse__version="1.0"), {"carries_version"}),
    "another version on the root": (on(ROOT, langfuse__version="1.0"), {"carries_version"}),
    "no version anywhere": (
        both(everywhere(langfuse__version=None), resource(service__version=None)),
        {"carries_version"},
    ),
    "no tags on a tool": (on(TOOL, langfuse__trace__tags=None), {"carries_tags"}),
    "one tag less": (on(TOOL, langfuse__trace__tags=["order-status"]), {"carries_tags"}),
    "one tag more": (
        on(TOOL, langfuse__trace__tags=["order-status", "langgraph", "x"]), {"carries_tags"}
    ),
    "tags as one text": (
        everywhere(langfuse__trace__tags="order-status langgraph"), {"carries_tags"}
    ),
    "no environment anywhere": (
        resource(deployment__environment__name=None), {"carries_environment"}
    ),
    "no environment on a tool": (
        resource(TOOL, deployment__environment__name=None), {"carries_environment"}
    ),
    "another environment on a tool": (
        resource(TOOL, deployment__environment__name="production"), {"carries_environment"}
    ),
    "another environment on the root": (
        resource(ROOT, deployment__environment__name="staging"), {"carries_environment"}
    ),
    "an environment that is no name": (
        resource(deployment__environment__name="my laptop!"), {"carries_environment"}
    ),
    "no region on a tool": (metadata(TOOL, region=None), {"carries_metadata"}),
    "no workflow on the root": (metadata(ROOT, workflow=None), {"carries_metadata"}),
    "no metadata at all": (
        metadata(environment=None, workflow=None, region=None), {"carries_metadata"}
    ),
    "another region on a tool": (metadata(TOOL, region="us"), {"carries_metadata"}),
    "another region on the root": (metadata(ROOT, region="us"), {"carries_metadata"}),
    "another workflow on the model": (metadata(CHAT, workflow="refund"), {"carries_metadata"}),
    "another environment in the metadata": (
        metadata(TOOL, environment="staging"), {"carries_metadata"}
    ),
    "a tier on one span alone": (metadata(TOOL, tenant_tier="team"), {"carries_metadata"}),
    "no tier on one span": (
        both(metadata(tenant_tier="team"), metadata(TOOL, tenant_tier=None)), {"carries_metadata"}
    ),
    "another tier on one span": (
        both(metadata(tenant_tier="team"), metadata(CHAT, tenant_tier="free")), {"carries_metadata"}
    ),
    "metadata without the prefix": (
        both(metadata(region=None), everywhere(region="eu")), {"carries_metadata"}
    ),
    "no context on a tool": (lambda s: s.span(TOOL).attributes.clear(), ALL_CONTEXT - {"carries_version"}),
    # Roots.
    "the root is lost": (without(ROOT), {"root"}),
    "both roots are lost": (without(ROOT, turns=(0, 1)), {"root"}),
    "the root has a remote parent": (
        lambda s: setattr(s.span(ROOT), "parent", "00000000000000aa"), {"root"}
    ),
    "two roots": (lambda s: setattr(s.span(TOOL), "parent", ""), {"root"}),
    "roots without session, in quick succession": (
        lambda s: [s.add_turn(1.00168), [put(s.span(ROOT, t), langfuse__session__id=None) for t in (0, 1, 2)]],
        {"carries_session"},
    ),
    # Strays.
    "a stray without context": (beside("execute_tool get_order", 20), {"strays"}),
    "a stray of a name of its own": (beside("late work", 20), {"strays"}),
    "a stray with a foreign session": (
        beside("execute_tool get_order", 20, context="conv_foreign"), {"strays"}
    ),
    "a stray of a name of its own with a foreign session": (
        beside("work", 20, context="conv_foreign"), {"strays"}
    ),
    "two strays with one foreign session": (
        both(beside("work", 20, context="conv_foreign_2"), beside("work", 30, context="conv_foreign_2")),
        {"strays"},
    ),
    "a stray with the turn's own context": (
        beside("execute_tool get_order", 20, context=""), {"strays"}
    ),
    "a stray of a name of its own with the turn's own context": (
        beside("work", 20, context=""), {"strays"}
    ),
    "a stray right after the turn": (beside("execute_tool get_order", 101), {"strays"}),
    "a stray a second after the turn": (beside("work", 1100), {"strays"}),
    "a stray after the turn with a foreign session": (
        beside("work", 400, context="conv_foreign_3"), {"strays"}
    ),
    "a stray after the last turn": (beside("work", 60_000 + 500), {"strays"}),
    "a stray in the last millisecond": (beside("work", 99.5), {"strays"}),
    "an agent without context in a turn": (
        both(beside("invoke_agent helper", 20),
             lambda s: put(s.spans[-1], gen_ai__operation__name="invoke_agent")),
        {"strays"},
    ),
    "an orphan in a trace without context": (
        both(lambda s: s.span(TOOL).attributes.clear(), another_trace(TOOL)), {"strays"}
    ),
    "an orphan in another trace of a foreign session": (
        another_trace(TOOL, langfuse__session__id="conv_foreign_4"), {"strays"}
    ),
    "an orphan whose parent is in the other turn": (swap_parents, {"strays"}),
    "an orphan whose parent is nowhere": (
        lambda s: setattr(s.span(TOOL), "parent", "00000000000000aa"), {"strays"}
    ),
    "a node is lost, and what it called is not": (without("compose"), {"strays"}),
    # Usage and cost.
    "usage on a tool": (on(TOOL, gen_ai__usage__input_tokens=5), {"usage"}),
    "usage on the node, too": (
        on("compose", gen_ai__usage__input_tokens=120, gen_ai__usage__output_tokens=30), {"usage"}
    ),
    "a text for a cost": (on(CHAT, gen_ai__usage__cost="0.000036"), {"cost"}),
    "a cost of zero": (on(CHAT, gen_ai__usage__cost=0.0), {"cost"}),
    "a negative cost": (on(CHAT, gen_ai__usage__cost=-0.000036), {"cost"}),
    "two costs that cancel out": (
        both(on(CHAT, gen_ai__usage__cost=-0.000036), on(CHAT, turn=1, gen_ai__usage__cost=0.000036)),
        {"cost"},
    ),
    "costs of nobody that cancel out": (
        lambda s: [
            put(s.span(CHAT, turn), langfuse__user__id="usr_b", gen_ai__usage__cost=0.01 * sign)
            for turn, sign in ((0, 1), (1, -1))
        ],
        {"carries_user", "cost_by_user", "cost"},
    ),
    # Bounded metadata.
    "an unknown region": (metadata(region="mars"), {"bounded"}),
    "a region in capitals": (metadata(region="EU"), {"bounded"}),
    "an unbounded workflow on one span": (metadata(TOOL, workflow="w-81723"), {"bounded"}),
    "an abbreviated environment": (metadata(environment="prod"), {"bounded"}),
    "an unknown tier": (metadata(tenant_tier="gold"), {"bounded"}),
    "a number for a region": (metadata(region=7), {"bounded"}),
    "a list of regions": (metadata(region=["eu", "us"]), {"bounded"}),
    # Privacy.
    "an e-mail address as user": (expecting(user=EMAIL), {"private"}),
    "an e-mail address in the session": (expecting(session=f"conv_{EMAIL}"), {"private"}),
    "an encoded e-mail address as user": (expecting(user="anna.k%40example.com"), {"private"}),
    "an e-mail address as tag": (expecting(tags=("order-status", EMAIL)), {"private"}),
    "an order reference as tag": (expecting(tags=("order-status", "ORDER-924")), {"private"}),
    "an order reference in the trace name": (expecting(trace_name="turn-ORDER-924"), {"private"}),
    "an e-mail address as version": (everywhere(langfuse__version=EMAIL), {"private"}),
    "an e-mail address in the metadata": (metadata(contact=EMAIL), {"private"}),
    "an e-mail address in a list of the metadata": (metadata(TOOL, contacts=["x", EMAIL]), {"private"}),
    "a token in the metadata": (metadata(TOOL, auth="Bearer abcdefghijklmnop"), {"private"}),
    "an API key in an attribute": (on(CHAT, api__key="sk-abcdefghijklmnopqrstuv"), {"private"}),
    "the question in the metadata": (metadata(TOOL, query=QUERY), {"private"}),
    "the question in an attribute": (on(TOOL, tool__arguments=f"q={QUERY.lower()}"), {"private"}),
    "an e-mail address in a resource": (resource(enduser__id=EMAIL), {"private"}),
    "an e-mail address in the resource of one span": (resource(CHAT, host__owner=EMAIL), {"private"}),
    "an order reference as service name": (resource(service__name="orders-ORDER-924"), {"private"}),
    "an e-mail address as a scope's name": (scope(name=EMAIL), {"private"}),
    "an e-mail address as a scope's version": (scope(version=EMAIL), {"private"}),
    "an e-mail address in a scope's attribute": (scope(attributes={"owner": EMAIL}), {"private"}),
    "an e-mail address as a metadata key": (metadata(TOOL, **{EMAIL: "yes"}), {"private"}),
    "an e-mail address as an attribute's key": (on(TOOL, **{EMAIL: "yes"}), {"private"}),
    "an e-mail address as a resource's key": (resource(TOOL, **{EMAIL: "yes"}), {"private"}),
    "an order reference as a key": (metadata(TOOL, **{"ORDER-924": "late"}), {"private"}),
    "an order reference in a span's name": (
        lambda s: setattr(s.span("lookup"), "name", "lookup ORDER-924"), {"private"}
    ),
}  # fmt: skip

UNSEEN: dict[str, tuple[Change, set[str], set[str]]] = {
    "usage on the agent alone": (
        lambda s: [
            (put(s.span(CHAT, t), gen_ai__usage__input_tokens=None, gen_ai__usage__cost=None,
                 gen_ai__usage__output_tokens=None),
             put(s.span(ROOT, t), gen_ai__usage__input_tokens=120))
            for t in (0, 1)
        ],
        {"usage"},
        {"feedback", "cost", "cost_by_user"},
    ),
    "no usage anywhere": (
        lambda s: [
            put(s.span(CHAT, t), gen_ai__usage__input_tokens=None, gen_ai__usage__cost=None,
                gen_ai__usage__output_tokens=None)
            for t in (0, 1)
        ],
        set(),
        {"feedback", "usage", "cost", "cost_by_user"},
    ),
    "no metadata": (
        metadata(environment=None, workflow=None, region=None),
        {"carries_metadata"},
        {"feedback", "bounded"},
    ),
}  # fmt: skip


@pytest.fixture(name="look")
def _look(backend: Backend) -> Callable[[Change], Seen]:
    """Send a session into an hour of its own, and return what turns red and what is unchecked."""

    def look(change: Change) -> Seen:
        session = healthy_session()
        change(session)
        session.send(backend, time.time_ns() - next(_hours) * 2 * HOUR)
        with backend.api() as api:
            verdicts = verify(api, session.expected, wait_seconds=0)
        red = {v.id for v in verdicts if v.result.status is Status.BROKEN}
        unchecked = {v.id for v in verdicts if v.result.status is Status.UNCHECKED}
        unchecked -= {ALL_ARRIVED}  # No receipt says what these sessions sent.
        return red, unchecked, exit_code(verdicts)

    return look


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_session_has_no_red_row(look: Callable[[Change], Seen], name: str) -> None:
    """Exit 0, with nothing unchecked but what there is none of."""
    change, unchecked = HEALTHY[name]
    assert look(change) == (set(), unchecked, 0)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_session_turns_just_its_rows_red(
    look: Callable[[Change], Seen], name: str
) -> None:
    """Exit 1, and the rows that are red are those that are broken."""
    change, broken = BROKEN[name]
    red, _, code = look(change)
    assert (red, code) == (broken, 1)


@pytest.mark.parametrize("name", UNSEEN)
def test_what_was_not_looked_at_is_not_ok(look: Callable[[Change], Seen], name: str) -> None:
    """A promise of which nothing could be seen is unchecked, and the exit code is not 0."""
    change, broken, unchecked = UNSEEN[name]
    red, unseen, code = look(change)
    assert (red, unseen) == (broken, unchecked)
    assert code == (1 if broken else 2)


def test_there_are_sixty_broken_sessions_or_more() -> None:
    """As many as were promised, and no promise without one that breaks it."""
    assert len(BROKEN) >= 60
    assert len(HEALTHY) >= 30
