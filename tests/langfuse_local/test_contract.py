"""Every case recorded from Langfuse 4.16 gives the recorded rows, from socket to socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from wire import JSON, PROTOBUF, ask

from langfuse_local.receiver.otlp import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wire import Backend

CASES = json.loads(
    (Path(__file__).parent / "contract" / "observations.json").read_text(encoding="utf-8")
)
FIELDS = json.loads(
    (Path(__file__).parent / "contract" / "observation-fields.json").read_text(encoding="utf-8")
)
MOMENTS = {"createdAt", "updatedAt"}
GROUPS = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"


@pytest.fixture(scope="module", params=["langfuse endpoint, json", "collector port, protobuf"])
def backend(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend that has received every case, in one of the two ways."""
    with running(tmp_path_factory.mktemp("contract")) as started:
        for case in CASES:
            content = json.dumps(case["otlp"]).encode()
            if "json" in request.param:
                url = f"{started.web}/api/public/otel/v1/traces"
                answer = ask(url, content, content_type=JSON)
            else:
                message = decode(content, JSON).SerializeToString()
                answer = ask(started.otlp, message, content_type=PROTOBUF)
            assert answer.status == 200, case["name"]
        yield started


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_gives_the_recorded_rows(backend: Backend, case: dict[str, Any]) -> None:
    """The public API answers what Langfuse answered, field by field."""
    trace_id = case["rows"][0]["traceId"]
    rows = backend.rows(f"?traceId={trace_id}&fields={GROUPS}")
    by_id = {row["id"]: _comparable(row) for row in rows}
    assert by_id == {row["id"]: row for row in case["rows"]}


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    """The row as recorded, which leaves the resource out."""
    metadata = {
        key: value
        for key, value in row["metadata"].items()
        if not key.startswith("resourceAttributes.")
    }
    shown = {**row, "metadata": metadata}
    return {key: shown[key] for key in CASES[0]["rows"][0]}


@pytest.mark.parametrize(
    "recorded", FIELDS, ids=[f"{each['case']} {each['fields']}" for each in FIELDS]
)
def test_answers_the_recorded_fields(backend: Backend, recorded: dict[str, Any]) -> None:
    """Each field group alone, two, all and none: the same keys in the same order, and values."""
    rows = backend.rows(recorded["path"].removeprefix("/api/public/v2/observations"))
    by_id = {row["id"]: row for row in rows}
    for row in recorded["answer"]["data"]:
        answered = {**by_id.pop(row["id"]), **{key: row[key] for key in MOMENTS & row.keys()}}
        assert answered == row
        assert list(answered) == list(row)
    assert not by_id
