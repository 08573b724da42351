"""Every answer that is recorded from Langfuse 4.16 is read, or refused in a sentence."""

import json
from typing import Any

import pytest
from backends import RECORDED, Answer, Serve

from langfuse_checks.api import CannotLookError, NotFoundError, WrongKeysError
from langfuse_checks.records import read_observation

CASES = json.loads((RECORDED / "observations.json").read_text())
ANSWERS = json.loads((RECORDED / "api.json").read_text())


def recorded(request: str) -> list[dict[str, Any]]:
    """Return the recorded answers to requests that begin like this."""
    return [answer for answer in ANSWERS if answer["request"].startswith(request)]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_recorded_row_is_read(case: dict[str, Any]) -> None:
    """No key, type or null that Langfuse answers is a surprise."""
    for row in case["rows"]:
        record = read_observation(row)
        assert (record.id, record.trace_id) == (row["id"], row["traceId"])
        assert record.total_cost == pytest.approx(row["totalCost"])
        assert record.tags == tuple(row["tags"])


def test_health_and_project(serve: Serve) -> None:
    """The version and the project's id."""
    health = serve(lambda _: Answer(recorded("GET /api/public/health")[0]["answer"])).health()
    assert (health.status, health.version, health.major) == ("OK", "4.16.0", 4)
    projects = recorded("GET /api/public/projects")[0]["answer"]
    assert serve(lambda _: Answer(projects)).project() == "order-status-demo"


def test_rows_without_the_requested_fields(serve: Serve) -> None:
    """The recorded pages of core and basic alone are refused by the name of what they lack."""
    page = recorded("GET /api/public/v2/observations?sessionId=conv_a1&fields=core,basic&limit=2")
    api = serve(lambda _: Answer(page[0]["answer"]))
    with pytest.raises(CannotLookError, match="a row without 'traceName'"):
        api.observations(sessionId="conv_a1")


def test_metrics(serve: Serve) -> None:
    """Groups with their sums, the null one too; a refusal names the reason."""
    by_user, by_session, refused, by_version = recorded("GET /api/public/v2/metrics")
    for case, key in ((by_user, "userId"), (by_session, "sessionId"), (by_version, "version")):
        groups = serve(lambda _, r=case: Answer(r["answer"])).metrics({})  # type: ignore[misc] # a default binds it
        assert groups == case["answer"]["data"]
        assert any(group[key] is None for group in groups)
    with pytest.raises(CannotLookError, match="High cardinality"):
        serve(lambda _: Answer(refused["answer"], refused["status"])).metrics({})


def test_scores(serve: Serve) -> None:
    """On a session and on a trace, numeric and boolean; a stored one gives its id."""
    on_session, on_trace = recorded("GET /api/public/v3/scores")
    session = serve(lambda _: Answer(on_session["answer"])).scores(sessionId="conv_a1")
    trace = serve(lambda _: Answer(on_trace["answer"])).scores(traceId="a" * 32)
    assert [(s.kind, s.subject, s.value, s.comment) for s in session] == [
        ("session", "conv_a1", 1, "good")
    ]
    assert [(s.kind, s.value, s.comment) for s in trace] == [("trace", True, "")]
    stored = recorded("POST /api/public/scores")[0]
    assert serve(lambda _: Answer(stored["answer"])).post_score({}) == "score-1"


def test_refusals(serve: Serve) -> None:
    """Wrong keys and endpoints of older versions are told apart."""
    for refusal in [a for a in ANSWERS if a["status"] == 401]:
        with pytest.raises(WrongKeysError, match="LANGFUSE_SECRET_KEY"):
            serve(lambda _, r=refusal: Answer(r["answer"], 401)).project()  # type: ignore[misc] # as above
    for refusal in [a for a in ANSWERS if a["status"] == 404]:
        with pytest.raises(NotFoundError):
            serve(lambda _, r=refusal: Answer(r["answer"], 404)).project()  # type: ignore[misc] # as above
