"""Each promise on its own: green on a healthy session, red with a diagnosis on a spoiled one."""

from datetime import timedelta
from typing import Any

import pytest
from healthy_session import EXPECTED, START, evidence, row

from langfuse_checks.arrival import Arrival, Missing
from langfuse_checks.verify.evidence import Evidence
from langfuse_checks.verify.promises import PROMISES, check
from langfuse_checks.verify.report import exit_code, summary
from langfuse_checks.verify.verdicts import Result, Status
from support.privacy_corpus import ALLOWED, MASKED, REFUSED

STRAY = row(9, 9, start=START + timedelta(minutes=1, milliseconds=2), is_root=True, parent_id=None, session_id="", user_id="")  # fmt: skip
LONELY = [row(1, s) for s in (1, 2, 3)]

# What is spoiled, the promises that are broken by it, and words of the first one's cause.
SPOILED: dict[str, tuple[Any, set[str], str]] = {
    "one turn": (evidence(rows=LONELY, cost_by_user={EXPECTED.user: 0.001}), {"session"}, "one turn has run"),
    "lost spans": (
        evidence(arrival=Arrival(Missing("span", 6, lost=1), is_known=True)),
        {"arrived"},
        "a Collector or a queue holds it",
    ),
    "nothing": (evidence(rows=(), roots_of_user=()), {"session"}, "nothing ran"),
    "before --since": (
        evidence(rows=(), roots_of_user=(), outside=row(1, 1)),
        {"session"},
        f"started at {START.date()}",
    ),
    "no root": (evidence(row(1, 1, is_root=False)), {"root"}, "the root never arrived"),
    "two roots": (evidence(row(1, 3, is_root=True, parent_id=None)), {"root"}, "2 spans of the trace have no parent"),
    "a root of another name": (
        evidence(row(1, 1, trace_name="invoke_agent")),
        {"root", "carries_trace_name"},
        "called invoke_agent",
    ),
    "a stray trace": (evidence(nearby=(STRAY,)), {"strays"}, "thread"),
    "no session on a span": (evidence(row(1, 3, session_id="")), {"carries_session"}, "where the context does not reach"),
    "no session on the root": (evidence(row(1, 1, session_id="")), {"carries_session"}, "after the root span had started"),
    "no user on a span": (evidence(row(1, 3, user_id="")), {"carries_user"}, ""),
    "no trace name on a span": (evidence(row(1, 3, trace_name="")), {"carries_trace_name"}, ""),
    "another version on a span": (evidence(row(1, 3, version="1.2")), {"carries_version"}, ""),
    "split tags": (evidence(row(1, 3, tags=("order-status", "lang", "graph"))), {"carries_tags"}, "split at commas"),
    "no environment": (evidence(row(1, 3, environment="default")), {"carries_environment"}, "it is `default`"),
    "no metadata": (evidence(row(1, 3, metadata={})), {"carries_metadata"}, ""),
    "metadata without prefix": (
        evidence(row(1, 3, metadata={"attributes.region": "eu"})),
        {"carries_metadata"},
        "plain attributes",
    ),
    "a trace id as session id": (
        evidence(roots_of_user=(row(3, 1, session_id=f"{3:032x}"),)),
        {"trace_id"},
        "a session of every turn",
    ),
    "cost of nobody": (
        evidence(row(1, 2, user_id="")),
        {"carries_user", "cost_by_user"},
        "where the context does not reach",
    ),
    "metrics with a null bucket": (
        evidence(cost_by_user={EXPECTED.user: 0.001, None: 0.001}),
        {"cost_by_user"},
        "another sum",
    ),
    "usage on a node": (evidence(row(1, 3, usage={"total": 5})), {"usage"}, "a SPAN carries usage"),
    "a cost of $0": (
        evidence(row(1, 2, cost={"total": 0.0}), cost_by_user={EXPECTED.user: 0.001}),
        {"cost"},
        "stores as 0",
    ),
    "unbounded metadata": (
        evidence(row(1, 3, metadata={"environment": "development", "workflow": "x" * 9, "region": "eu"})),
        {"bounded"},
        "none of handoff",
    ),
    "an e-mail address": (evidence(row(1, 3, version="a@example.com")), {"carries_version", "private"}, ""),
    "an order reference": (evidence(row(1, 3, tags=("ORDER-924",))), {"carries_tags", "private"}, ""),
    "a token": (
        evidence(row(1, 3, metadata={**row(1, 3).metadata, "auth": "Bearer abcdefghijklmn"})),
        {"private"},
        "metadata auth holds a token or an API key",
    ),
    "the query's text": (
        evidence(row(1, 3, metadata={**row(1, 3).metadata, "q": "asked: where is my order?"})),
        {"private"},
        "the query's text",
    ),
}  # fmt: skip


def test_a_healthy_session_keeps_every_promise() -> None:
    """All green, and each says what it counted."""
    verdicts = check(evidence())
    assert [v.id for v in verdicts] == [promise.id for promise in PROMISES]
    assert {v.result.status for v in verdicts} == {Status.KEPT}
    details = {v.id: v.result.detail for v in verdicts}
    assert details["carries_session"] == "6/6"
    assert details["cost_by_user"] == "$0.002000"
    assert details["private"] == "0 of 66 values"
    assert details["feedback"] == "1 score"


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_session_breaks_just_its_promises(name: str) -> None:
    """The promises that turn red, and no others; the first names a span, a cause and a fix."""
    spoiled, red, cause = SPOILED[name]
    broken = [v for v in check(spoiled) if v.result.status is Status.BROKEN]
    assert {v.id for v in broken} == red
    for verdict in broken:
        assert verdict.result.cause
        assert verdict.result.fix
    assert cause in broken[0].result.cause


def test_every_promise_can_turn_red() -> None:
    """No promise is always kept, but that of feedback, which can only be unreadable or absent."""
    red = set().union(*(red for _, red, _ in SPOILED.values()))
    assert red == {promise.id for promise in PROMISES} - {"feedback"}


def test_the_first_offending_span_is_the_first_that_lacks_it() -> None:
    """In the order of time, not of the answer."""
    broken = next(v for v in check(evidence(row(2, 3, user_id=""))) if v.id == "carries_user")
    assert broken.result.span == row(2, 3, user_id="")


def test_a_private_value_is_not_repeated() -> None:
    """The diagnosis names the field and the kind, never the value."""
    verdict = next(
        v for v in check(evidence(row(1, 3, user_id="a@example.com"))) if v.id == "private"
    )
    assert "the user id holds an e-mail address" in verdict.result.cause
    assert "example" not in f"{verdict.result.detail}{verdict.result.cause}{verdict.result.fix}"


@pytest.mark.parametrize("text", [text for _, text in REFUSED])
def test_verify_finds_what_the_application_refuses(text: str) -> None:
    """Every text of the privacy rules' corpus, as an id and as a tag."""
    for spoiled in (row(1, 3, user_id=text), row(1, 3, tags=(*EXPECTED.tags, text))):
        assert _private(evidence(spoiled)).status is Status.BROKEN


@pytest.mark.parametrize("text", [text for _, text in MASKED])
def test_verify_finds_what_the_application_masks(text: str) -> None:
    """In a value of metadata, in the middle of a resource's, and in a key, which is not repeated."""
    for metadata in (
        {"note": text},
        {"resourceAttributes.note": f"see {text} there"},
        {"scope.name": text},
        {"list": [text]},
    ):
        assert _private(evidence(row(1, 3, metadata=metadata))).status is Status.BROKEN
    result = _private(evidence(row(1, 3, metadata={f"attributes.{text}": "x"})))
    assert result.status is Status.BROKEN
    assert text not in f"{result.detail}{result.cause}{result.fix}"


@pytest.mark.parametrize("text", ALLOWED)
def test_verify_lets_look_alikes_pass(text: str) -> None:
    """What the application lets pass is no cause for alarm."""
    spoiled = row(1, 3, user_id=text, metadata={"note": text, "resourceAttributes.note": text})
    assert _private(evidence(spoiled)).status is Status.KEPT


@pytest.mark.parametrize(
    "question",
    [
        "order-status",
        "development",
        "order-status-turn",
        EXPECTED.session,
        "langgraph",
        "local",
        "",
    ],
)
def test_a_question_that_is_a_label_is_no_alarm(question: str) -> None:
    """Names and tags are the application's: that somebody asks for one makes them no secret."""
    asked = [row(t, 1, input=question) for t in (1, 2)]
    assert _private(evidence(*asked)).status is Status.KEPT


def _private(spoiled: Evidence) -> Result:
    return next(v.result for v in check(spoiled) if v.id == "private")


def test_an_unknown_cost_is_said_and_is_no_zero() -> None:
    """Tokens without a price are counted as unknown, and the promise is kept."""
    unknown = evidence(row(1, 2, cost={}), cost_by_user={EXPECTED.user: 0.001})
    verdict = next(v for v in check(unknown) if v.id == "cost")
    assert (verdict.result.status, verdict.result.detail) == (
        Status.KEPT,
        "1 of 2 calls, 1 unknown",
    )


def test_what_nobody_has_done_is_unchecked_and_no_failure() -> None:
    """Feedback that nobody has given is not called readable; exit 0, and the summary says why."""
    verdicts = check(evidence(scores=()))
    unchecked = {v.id: v.result.detail for v in verdicts if v.result.status is Status.UNCHECKED}
    assert unchecked == {"feedback": "nobody has given any: make feedback VALUE=up"}
    assert exit_code(verdicts) == 0
    assert summary(verdicts) == "18 promises: 17 kept, 1 unchecked (nothing to look at yet)."


def test_what_cannot_be_seen_is_unchecked() -> None:
    """Without metrics and scores those two promises are neither kept nor broken."""
    blind = check(evidence(cost_by_user="GET /v2/metrics is not there", scores="nor are scores"))
    unchecked = {v.id: v.result.detail for v in blind if v.result.status is Status.UNCHECKED}
    assert set(unchecked) == {"cost_by_user", "feedback"}
    assert "GET /v2/metrics" in unchecked["cost_by_user"]
    assert exit_code(blind) == 2
    assert summary(blind) == "18 promises: 16 kept, 2 unchecked."
