"""Every shape that was recorded from Langfuse 4.16 is read, or refused in a sentence."""

import json
from typing import Any

import pytest
from answering import RECORDED, Answer, Serve

from langfuse_checks.api import CannotLookError, NotFoundError, WrongKeysError
from langfuse_checks.rows import observation

CASES = json.loads((RECORDED / "observations.json").read_text())
ANSWERS = json.loads((RECORDED / "api.json").read_text())


def answered(request: str) -> list[dict[str, Any]]:
    """The recorded answers to requests that begin like this."""
    return [each for each in ANSWERS if each["request"].startswith(request)]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_recorded_row_is_read(case: dict[str, Any]) -> None:
    """No key, type or null that Langfuse answers is a surprise."""
    for row in case["rows"]:
        read = observation(row)
        assert (read.id, read.trace_id) == (row["id"], row["traceId"])
        assert read.total_cost == pytest.approx(row["totalCost"])
        assert read.tags == tuple(row["tags"])


def test_health_and_project(serve: Serve) -> None:
    """The version and the project's id."""
    health = serve(lambda _: Answer(answered("GET /api/public/health")[0]["answer"])).health()
    assert (health.status, health.version, health.major) == ("OK", "4.16.0", 4)
    projects = answered("GET /api/public/projects")[0]["answer"]
    assert serve(lambda _: Answer(projects)).project() == "order-status-demo"


def test_rows_without_the_groups_that_were_asked_for(serve: Serve) -> None:
    """The recorded pages of core and basic alone are refused by the name of what they lack."""
    page = answered("GET /api/public/v2/observations?sessionId=conv_a1&fields=core,basic&limit=2")
    api = serve(lambda _: Answer(page[0]["answer"]))
    with pytest.raises(CannotLookError, match="a row without 'traceName'"):
        api.observations(sessionId="conv_a1")


def test_metrics(serve: Serve) -> None:
    """Groups with their sums, the null one too; a refusal names the reason."""
    by_user, by_session, refused, by_version = answered("GET /api/public/v2/metrics")
    for recorded, key in ((by_user, "userId"), (by_session, "sessionId"), (by_version, "version")):
        groups = serve(lambda _, r=recorded: Answer(r["answer"])).metrics({})  # type: ignore[misc] # a default binds it
        assert groups == recorded["answer"]["data"]
        assert any(group[key] is None for group in groups)
    with pytest.raises(CannotLookError, match="High cardinality"):
        serve(lambda _: Answer(refused["answer"], refused["status"])).metrics({})


def test_scores(serve: Serve) -> None:
    """On a session and on a trace, numeric and boolean; a stored one gives its id."""
    on_session, on_trace = answered("GET /api/public/v3/scores")
    session = serve(lambda _: Answer(on_session["answer"])).scores(sessionId="conv_a1")
    trace = serve(lambda _: Answer(on_trace["answer"])).scores(traceId="a" * 32)
    assert [(s.kind, s.subject, s.value, s.comment) for s in session] == [
        ("session", "conv_a1", 1, "good")
    ]
    assert [(s.kind, s.value, s.comment) for s in trace] == [("trace", True, "")]
    stored = answered("POST /api/public/scores")[0]
    assert serve(lambda _: Answer(stored["answer"])).post_score({}) == "score-1"


def test_refusals(serve: Serve) -> None:
    """Wrong keys and endpoints of older versions are told apart."""
    for each in [e for e in ANSWERS if e["status"] == 401]:
        with pytest.raises(WrongKeysError, match="LANGFUSE_SECRET_KEY"):
            serve(lambda _, e=each: Answer(e["answer"], 401)).project()  # type: ignore[misc] # as above
    for each in [e for e in ANSWERS if e["status"] == 404]:
        with pytest.raises(NotFoundError):
            serve(lambda _, e=each: Answer(e["answer"], 404)).project()  # type: ignore[misc] # as above
