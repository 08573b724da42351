"""Scores are kept as sent, and read back as Langfuse answers them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from wire import JSON, Reply, ask, request_of, span

from langfuse_local.api.scores import Scores

if TYPE_CHECKING:
    from wire import Backend

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_HALF = b'{"lastTimestamp": 1, "lastId": "\\ud800"}'  # a character of which one half is sent


def test_a_score_sent_again_replaces_itself(backend: Backend) -> None:
    """The id makes a score idempotent; without one it gets its own."""
    for value in (1, 2):
        assert _post(backend, id="one", value=value).json == {"id": "one"}
    assert [score["value"] for score in _list(backend)] == [2]
    assert _post(backend).json["id"] != _post(backend).json["id"]


@pytest.mark.parametrize(
    ("members", "data_type", "value"),
    [
        ({"value": 0.5}, "NUMERIC", 0.5),
        ({"value": "calm"}, "CATEGORICAL", "calm"),
        ({"value": 0, "dataType": "BOOLEAN"}, "BOOLEAN", False),
        ({"value": "Well done.", "dataType": "TEXT"}, "TEXT", "Well done."),
    ],
)
def test_answers_the_value_by_its_type(
    backend: Backend, members: dict[str, Any], data_type: str, value: Any
) -> None:
    """A boolean score is true or false, text stays text, and the type is inferred if not sent."""
    _post(backend, **members)
    (score,) = _list(backend)
    assert (score["dataType"], score["value"]) == (data_type, value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": None}, "name must be a string."),
        ({"name": ""}, "name must not be empty."),
        ({"value": None}, "value"),
        ({"value": 2, "dataType": "BOOLEAN"}, "value"),
        ({"value": "", "dataType": "TEXT"}, "value"),
        ({"value": "n" * 501, "dataType": "TEXT"}, "value"),
        ({"dataType": "STARS"}, "dataType"),
        ({"dataType": None}, "dataType"),
        ({"dataType": ["NUMERIC"]}, "dataType"),
        ({"sessionId": None}, "exactly one of traceId, sessionId, datasetRunId"),
        ({"sessionId": ""}, "exactly one of traceId, sessionId, datasetRunId"),
        ({"traceId": _TRACE}, "exactly one of traceId, sessionId, datasetRunId"),
        ({"datasetRunId": "run"}, "exactly one of traceId, sessionId, datasetRunId"),
        ({"observationId": "b7ad6b7169203331"}, "observationId requires traceId"),
        ({"sessionId": 5}, "sessionId"),
        ({"id": 5}, "id must be a string."),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": "2026-11-20"}, "timestamp"),
        ({"source": "EVAL"}, "source"),
        ({"source": None}, "source"),
        ({"source": "ANNOTATION"}, "configId"),
        ({"environment": None}, "environment"),
        ({"configId": 5}, "configId"),
        ({"value": "better", "dataType": "CORRECTION", "configId": "c"}, "configId"),
        ({"value": True}, "value"),
        ({"value": [1]}, "value"),
        ({"value": "1", "dataType": "BOOLEAN"}, "value"),
        ({"value": 1, "dataType": "CATEGORICAL"}, "value"),
        ({"value": 1e300}, "value"),
        ({"comment": 5}, "comment"),
    ],
)
def test_refuses_a_score(backend: Backend, changes: dict[str, Any], problem: str) -> None:
    """A score that Langfuse would refuse is a 400 that names the field, and is not kept."""
    response = _post(backend, **changes)
    assert response.status == 400
    assert problem in json.dumps(response.json)
    assert _list(backend) == []


def test_says_what_is_wrong_with_a_score(backend: Backend) -> None:
    """A refusal is one sentence."""
    response = _post(backend, value=2, dataType="BOOLEAN")
    assert response.json == {
        "message": "value must be 0 or 1 for data type BOOLEAN.",
        "error": "InvalidRequestError",
    }


def test_removes_a_score(backend: Backend) -> None:
    """A removal is queued in Langfuse, and so is answered 202 whether the score is there or not."""
    _post(backend, id="one")
    _post(backend, id="two")
    for _ in range(2):
        answer = ask(f"{backend.web}/api/public/scores/one", method="DELETE")
        assert answer.status == 202
        assert answer.json == {"message": "Score deletion queued successfully"}
        assert [score["id"] for score in _list(backend)] == ["two"]
    assert ask(f"{backend.web}/api/public/scores/two", method="DELETE", keys=None).status == 401
    assert [score["id"] for score in _list(backend)] == ["two"]


def test_takes_a_list_as_the_sdk_sends_it(backend: Backend) -> None:
    """A list is accepted as a whole, or with the number of those that were refused."""
    good, bad = {"name": "n", "value": 1, "sessionId": "s"}, {"name": "n"}
    assert (_send(backend, [good]).status, _send(backend, [good]).json) == (
        202,
        {"message": "Accepted"},
    )
    mixed = _send(backend, [good, bad])
    assert (mixed.status, mixed.json["accepted"], mixed.json["rejected"]) == (207, 1, 1)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"text"', b"[1]"])
def test_survives_a_body_that_is_no_score(backend: Backend, body: bytes) -> None:
    """Anything else is refused, and the next request works."""
    answer = ask(f"{backend.web}/api/public/scores", body, content_type=JSON)
    assert answer.status in {207, 400}
    assert _post(backend).status == 200


def test_pages_through_scores_once(backend: Backend) -> None:
    """Following the cursor gives every score once, newest first."""
    for number in range(5):
        _post(backend, id=f"n{number}", timestamp=f"2026-11-20T10:00:0{number}Z")
    url = f"{backend.web}/api/public/v3/scores?limit=2"
    answer = ask(url).json
    seen = [score["id"] for score in answer["data"]]
    while "cursor" in answer["meta"]:
        answer = ask(f"{url}&cursor={answer['meta']['cursor']}").json
        seen += [score["id"] for score in answer["data"]]
    assert seen == ["n4", "n3", "n2", "n1", "n0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=a,b", {"a", "b"}),
        ("sessionId=s", {"a"}),
        (f"traceId={_TRACE}", {"b", "c"}),
        (f"traceId={_TRACE}&observationId=b7ad6b7169203331", {"c"}),
        ("environment=qa", {"b"}),
        ("source=ANNOTATION", {"c"}),
        ("dataType=BOOLEAN", {"b"}),
        ("value=true", {"b"}),
        ("value=3", {"a"}),
        ("value=calm", {"c"}),
        ("valueMin=2&valueMax=4", {"a"}),
        ("fromTimestamp=2026-11-20T00:00:00Z&toTimestamp=2026-11-21T00:00:00Z", {"a"}),
    ],
)
def test_narrows_scores(backend: Backend, query: str, expected: set[str]) -> None:
    """Every parameter selects scores, together with the others."""
    _post(backend, name="a", sessionId="s", value=3, timestamp="2026-11-20T10:00:00Z")
    trace = {"sessionId": None, "traceId": _TRACE, "timestamp": "2026-11-19T10:00:00Z"}
    _post(backend, name="b", dataType="BOOLEAN", environment="qa", **trace)
    observation = {"observationId": "b7ad6b7169203331", "source": "ANNOTATION", "configId": "c"}
    _post(backend, name="c", value="calm", **trace, **observation)
    assert {score["name"] for score in _list(backend, query)} == expected


@pytest.mark.parametrize(
    "query",
    [
        f"traceId={_TRACE}&sessionId=s",
        "observationId=b7ad6b7169203331",
        "limit=101",
        "dataType=STARS",
        "source=ME",
        "valueMin=low",
        "cursor=nonsense",
        "cursor=e30=",
        f"cursor={base64.b64encode(_HALF).decode()}",
        "fromTimestamp=soon",
    ],
)
def test_refuses_parameters_of_scores(backend: Backend, query: str) -> None:
    """Parameters that exclude one another or make no sense are a 400."""
    answer = ask(f"{backend.web}/api/public/v3/scores?{query}")
    assert (answer.status, list(answer.json)) == (400, ["message", "error"])


def test_metadata_beyond_all_numbers_can_be_answered(backend: Backend) -> None:
    """A number that no double holds is null, as JavaScript writes it; the list still answers."""
    body = b'{"name": "n", "value": 1, "sessionId": "s", "metadata": {"a": 1e999, "b": 0.5}}'
    assert ask(f"{backend.web}/api/public/scores", body, content_type=JSON).status == 200
    (score,) = _list(backend, "fields=details")
    assert score["metadata"] == {"a": None, "b": 0.5}


def test_refuses_more_scores_than_fit_into_memory(backend: Backend) -> None:
    """JSON takes many times its bytes to read, here as where spans come in: 413 before it is."""
    body = b"[" + b"{}," * 500_000 + b"{}]"
    assert ask(f"{backend.web}/api/public/scores", body, content_type=JSON).status == 413


def test_finds_scores_for_pages(backend: Backend) -> None:
    """The scores of a session, of a trace, and of a user by either."""
    attributes = [{"key": "user.id", "value": {"stringValue": "ann"}}]
    ask(backend.otlp, request_of(span(attributes=attributes)), content_type=JSON)
    _post(backend, id="of-session")
    _post(backend, id="of-trace", sessionId=None, traceId=_TRACE)
    scores = Scores(backend.store)
    assert [row["id"] for row in scores.of_session("s")] == ["of-session"]
    assert [row["id"] for row in scores.of_trace(_TRACE)] == ["of-trace"]
    assert [row["id"] for row in scores.of_user("ann")] == ["of-trace"]


def _post(backend: Backend, **changes: Any) -> Reply:
    return _send(backend, {"name": "n", "value": 1, "sessionId": "s"} | changes)


def _send(backend: Backend, body: Any) -> Reply:
    url = f"{backend.web}/api/public/scores"
    return ask(url, json.dumps(body).encode(), content_type=JSON)


def _list(backend: Backend, query: str = "") -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = ask(f"{backend.web}/api/public/v3/scores?{query}").json["data"]
    return data
