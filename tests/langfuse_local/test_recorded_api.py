"""Every request recorded from Langfuse 4.16 is answered as recorded.

The recordings were made over the cases of contract/observations.json, twelve turns more, and
whatever else the recorder had sent. What only those others explain is compared by keys and types.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from wire import JSON, KEYS, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wire import Backend

_CONTRACT = Path(__file__).parent / "contract"
CASES = json.loads((_CONTRACT / "observations.json").read_text(encoding="utf-8"))
RECORDED = json.loads((_CONTRACT / "api.json").read_text(encoding="utf-8"))
_WRONG_KEYS = "Invalid credentials. Confirm that you've configured the correct host."
_KEYS = {"No authorization header": None, _WRONG_KEYS: "pk-lf-demo:sk-lf-other"}
_JOB = "otel-ingestion-job"
# Of a job, what is another one each time, and of the same form.
_OF_THE_JOB = {"id", "timestamp", "fileKey", "traceparent", "baggage"}
# When a score was made, and the row of a turn that the cases do not hold.
_OF_THE_MOMENT = {"timestamp", "createdAt", "updatedAt"}
_METRICS = [each for each in RECORDED if "/v2/metrics" in each["request"]]
# Who was in the cases and in nothing else.
_SAME = {"usr_pseudo_b2", "u2", "conv_a1", "s3", "42", "s1"}
_OTHERS = ("filter=", "/v2/metrics")


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend that has received every case, and then the recorded scores."""
    with running(tmp_path_factory.mktemp("api")) as started:
        for case in CASES:
            ask(started.otlp, json.dumps(case["otlp"]).encode(), content_type=JSON)
        for each in RECORDED:
            if each["request"] == "POST /api/public/scores" and each["status"] == 200:
                _replay(started, each)
        yield started


@pytest.mark.parametrize(
    "recorded",
    RECORDED,
    ids=lambda recorded: f"{recorded['status']} {recorded['request'][:60]}",
)
def test_answers_as_recorded(backend: Backend, recorded: dict[str, Any]) -> None:
    """Status, content type, keys in their order, types, and values where the data is the same."""
    answer = _replay(backend, recorded)
    assert answer.status == recorded["status"]
    assert answer.headers["content-type"] == recorded["content_type"]
    if recorded["status"] == 200 and any(part in recorded["request"] for part in _OTHERS):
        assert _shape(answer.json["data"][0]).keys() == _shape(recorded["answer"]["data"][0]).keys()
        assert list(answer.json) == list(recorded["answer"])
    else:
        assert json.dumps(_lasting(answer.json)) == json.dumps(_lasting(recorded["answer"]))


@pytest.mark.parametrize("place", range(2))
def test_sums_up_as_recorded(backend: Backend, place: int) -> None:
    """Cost, traces, count and tokens per user and per session are the recorded ones."""
    recorded = _METRICS[place]
    dimension = next(iter(recorded["answer"]["data"][0]))
    groups = {row[dimension]: row for row in _replay(backend, recorded).json["data"]}
    expected = [row for row in recorded["answer"]["data"] if row[dimension] in _SAME]
    assert len(expected) == (2, 4)[place]
    assert json.dumps([groups[row[dimension]] for row in expected]) == json.dumps(expected)
    assert None in groups


def test_measures_latency_as_recorded(backend: Backend) -> None:
    """A percentile of latency is in milliseconds, and a whole number is written as one."""
    (recorded,) = [each for each in _METRICS if "p95" in each["request"]]
    groups = {row["version"]: row for row in _replay(backend, recorded).json["data"]}
    expected = next(row for row in recorded["answer"]["data"] if row["version"] == "v9")
    assert json.dumps(groups["v9"]) == json.dumps(expected)
    assert groups["local"]["p95_latency"] == 90


def _replay(backend: Backend, recorded: dict[str, Any]) -> Any:
    method, _, path = recorded["request"].partition(" ")
    keys = _KEYS.get(str(recorded["answer"].get("message")), KEYS)
    if method == "GET":
        return ask(backend.web + path, keys=keys)
    content_type = (
        "text/plain" if recorded["answer"].get("error") == "Invalid content type" else JSON
    )
    body = json.dumps(recorded["body"]).encode()
    return ask(backend.web + path, body, keys=keys, content_type=content_type)


def _lasting(value: Any) -> Any:
    """The answer, with moments and whole jobs of which only the form is the same."""
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if isinstance(value, dict) and value.get("name") == _JOB:
        return _formed(value)
    if isinstance(value, dict):
        return {
            key: len(item) if key in _OF_THE_MOMENT and "source" in value else _lasting(item)
            for key, item in value.items()
        }
    return value


def _formed(value: Any) -> Any:
    """A job, with digits and hexadecimal letters of what is another one each time made equal.

    The id of Langfuse's key is one of its database; here a key has no other id than itself.
    """
    if not isinstance(value, dict):
        return value
    return {
        key: re.sub(r"(?<=api_key\.id=).+|[0-9a-f]", "0", json.dumps(item))
        if key in _OF_THE_JOB
        else _formed(item)
        for key, item in value.items()
    }


def _shape(row: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in row.items()}
