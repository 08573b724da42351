"""Every answer recorded from a real Langfuse 4.16 is what the mapping makes of the same OTLP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from langfuse_local.api.rows import GROUPS, row
from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import decode
from langfuse_local.store.codec import Stored

CASES = json.loads((Path(__file__).parent / "contract" / "observations.json").read_text())
_RENAMED = {"providedModelName": "model"}


def _rows(otlp: dict[str, Any], content_type: str) -> list[dict[str, Any]]:
    """The public API's rows of a request, without what the recording left out."""
    request = decode(json.dumps(otlp).encode(), "application/json")
    if content_type != "application/json":
        request = decode(request.SerializeToString(), content_type)
    values = [row(Stored(observation, 0), GROUPS, "p") for observation in observations(request)]
    renamed = [
        {_RENAMED.get(key, key): value for key, value in answer.items()} for answer in values
    ]
    for answer in renamed:
        answer["metadata"] = {
            key: value
            for key, value in answer["metadata"].items()
            if not key.startswith("resourceAttributes.")
        }
    return sorted(renamed, key=lambda answer: str(answer["id"]))


def _exact(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as JSON, in which 1, 1.0 and true differ."""
    return [json.dumps(answer, sort_keys=True) for answer in rows]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-protobuf"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_recorded_answers(case: dict[str, Any], content_type: str) -> None:
    """Each key of each recorded row has the recorded value, whichever encoding carried the span."""
    rows = _rows(case["otlp"], content_type)
    recorded = sorted(case["rows"], key=lambda answer: str(answer["id"]))
    assert _exact([{key: answer[key] for key in recorded[0]} for answer in rows]) == _exact(
        recorded
    )


def test_all_cases_are_there() -> None:
    """The recording is complete: 79 cases, each with a row."""
    assert len(CASES) == 79
    assert all(case["rows"] for case in CASES)
