"""The public API reads back what was sent, narrowed and paged as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from wire import JSON, PROTOBUF, ask, request_of, span

from langfuse_local.timestamps import from_iso
from langfuse_local.version import BACKEND_HEADER, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wire import Backend

_CONTRACT = Path(__file__).parent / "contract"
CASES = json.loads((_CONTRACT / "observations.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend with the data that the recordings were made over."""
    with running(tmp_path_factory.mktemp("api")) as started:
        for case in CASES:
            ask(started.otlp, json.dumps(case["otlp"]).encode(), content_type=JSON)
        yield started


def test_marks_every_answer_as_local(backend: Backend) -> None:
    """Our own tools tell the local backend from Langfuse by a header, on both ports."""
    responses = [
        ask(f"{backend.web}/api/public/health"),
        ask(f"{backend.web}/api/public/v2/observations", keys=None),
        ask(f"{backend.web}/nowhere"),
        ask(backend.otlp, b"", content_type=PROTOBUF),
        ask(backend.otlp, b"", content_type="text/plain"),
    ]
    assert [answer.headers[BACKEND_HEADER] for answer in responses] == [VERSION] * 5


def test_states_the_projects_version() -> None:
    """The header carries the version that pyproject.toml declares."""
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    assert f'\nversion = "{VERSION}"\n' in pyproject.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("group", "keys"),
    [
        ("time", ["completionStartTime", "createdAt", "updatedAt"]),
        ("io", ["input", "output"]),
        ("metadata", ["metadata"]),
        ("model", ["model", "internalModelId", "modelParameters"]),
        (
            "usage",
            [
                "usageDetails",
                "inputUsage",
                "outputUsage",
                "totalUsage",
                "costDetails",
                "inputCost",
                "outputCost",
                "totalCost",
                "usagePricingTierId",
                "usagePricingTierName",
            ],
        ),
        ("prompt", ["promptId", "promptName", "promptVersion"]),
        ("metrics", []),
        ("trace_context", ["traceName", "release", "tags"]),
    ],
)
def test_adds_a_field_group_when_asked(backend: Backend, group: str, keys: list[str]) -> None:
    """A group's fields come with it and not without it; unknown groups are ignored."""
    (bare,) = backend.rows("?fields=core&limit=1")
    (row,) = backend.rows(f"?fields={group},nonsense&limit=1")
    assert [key for key in row if key not in bare] == keys


def test_durations_are_always_there(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Backend]]
) -> None:
    """The database's, asked for as metrics, are null when zero; else the times decide.

    Without the group `time` the first token's is not read.
    """
    key = "langfuse.observation.completion_start_time"
    first = {"key": key, "value": {"stringValue": "2026-11-20T10:00:00.000Z"}}
    moment = "1795168800000000000"
    spans = span(startTimeUnixNano=moment, endTimeUnixNano=moment, attributes=[first])
    durations = {}
    with running(tmp_path) as backend:
        ask(backend.otlp, request_of(spans), content_type=JSON)
        for groups in ("core", "core,basic", "time", "metrics", "time,metrics"):
            (row,) = backend.rows(f"?fields={groups}")
            durations[groups] = (row["latency"], row["timeToFirstToken"])
    assert durations == {
        "core": (0, None),
        "core,basic": (0, None),
        "time": (0, 0),
        "metrics": (None, None),
        "time,metrics": (None, None),
    }


def test_empty_content_is_null(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Backend]]
) -> None:
    """Input and output that are empty, and version zero of a prompt, are answered as none."""
    values = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": "",
        "langfuse.observation.output": "",
        "langfuse.observation.prompt.version": "0",
    }
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
    with running(tmp_path) as backend:
        ask(backend.otlp, request_of(span(attributes=pairs)), content_type=JSON)
        (row,) = backend.rows("?fields=io,prompt")
    assert (row["input"], row["output"], row["promptVersion"]) == (None, None, None)


def test_pages_through_everything_once(backend: Backend) -> None:
    """Following the cursor gives every observation exactly once."""
    url = f"{backend.web}/api/public/v2/observations?limit=7"
    seen: list[str] = []
    answer = ask(url).json
    while "cursor" in answer["meta"]:
        seen += [row["id"] for row in answer["data"]]
        answer = ask(f"{url}&cursor={answer['meta']['cursor']}").json
    seen += [row["id"] for row in answer["data"]]
    assert len(seen) == len(set(seen)) == backend.store.counts().observations


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sessionId=s2", {"s2"}),
        ("userId=u2", {"s2"}),
        ("traceId=adf273bd2c7c5f4b1209d1b1c524a9c8&type=GENERATION", {"conv_a1"}),
        ("parentObservationId=23f282f106e84e3d", {"conv_a1"}),
        ("level=WARNING&name=work", {""}),
        ("version=v9", {""}),
        ("environment=qa&environment=prod", {""}),
        ("environment=qa,prod", {""}),
        ("environment=nowhere", set()),
        ("sessionId=conv_a1&level=DEFAULT&toStartTime=2026-11-20T12:00%2B01:00", {"conv_a1"}),
        ("traceId=zz", set()),
        ("sessionId=conv_a1&toStartTime=2026-11-20T10:00:00Z", set()),
        ("sessionId=conv_a1&fromStartTime=2026-11-20T10:00:00.030Z", {"conv_a1"}),
    ],
)
def test_narrows_by_parameters(backend: Backend, query: str, expected: set[str]) -> None:
    """Every simple parameter selects rows, together with the others."""
    assert {row["sessionId"] for row in backend.rows(f"?{query}")} == expected


def test_orders_rows_within_one_millisecond(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Backend]]
) -> None:
    """Rows that start within the same millisecond are paged without gap or repeat."""
    spans = [
        span(spanId=f"{n:016x}", startTimeUnixNano=str(1_795_168_800_000_000_000 + n * 1000))
        for n in range(1, 8)
    ]
    with running(tmp_path) as backend:
        ask(backend.otlp, request_of(*spans), content_type=JSON)
        url = f"{backend.web}/api/public/v2/observations?limit=3"
        first = ask(url).json
        second = ask(f"{url}&cursor={first['meta']['cursor']}").json
    assert [int(row["id"], 16) for row in first["data"] + second["data"]] == [7, 6, 5, 4, 3, 2]


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=-1",
        "cursor=nonsense",
        "cursor=e30=",
        "fromStartTime=soon",
        "isRootObservation=perhaps",
        "limit=1001",
        "limit=2.5",
        "limit=Infinity",
        "type=SPANS",
        "type=span",
        "level=info",
        "name=a&name=b",
        "sessionId=a&sessionId=b",
        "fromStartTime=2026-11-20",
        "toStartTime=2026-11-20T10:00:00",
        "fromStartTime=2026-02-30T10:00:00Z",
        "parseIoAsJson=true",
        "parseIoAsJson=yes",
    ],
)
def test_refuses_parameters_that_make_no_sense(backend: Backend, query: str) -> None:
    """A parameter that cannot be read is a 400 with a message, never a traceback."""
    answer = ask(f"{backend.web}/api/public/v2/observations?{query}")
    assert (answer.status, list(answer.json)) == (400, ["message", "error"])


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=-1", "limit must be a whole number, 0 or more."),
        ("level=info", "level must be one of DEBUG, DEFAULT, WARNING, ERROR."),
        ("name=a&name=b", "name is given more than once."),
        (
            "cursor=e30=",
            "cursor.lastStartTimeTo must be a date, as 2026-11-20T10:00:00Z.",
        ),
        (
            "fromStartTime=soon",
            "fromStartTime must be a time with its zone, as 2026-11-20T10:00:00Z.",
        ),
    ],
)
def test_says_what_is_wrong_with_a_parameter(backend: Backend, query: str, problem: str) -> None:
    """A refusal is one sentence that names the parameter and what it must be."""
    answer = ask(f"{backend.web}/api/public/v2/observations?{query}")
    assert answer.json == {"message": problem, "error": "InvalidRequestError"}


def test_says_that_a_cursor_is_none(backend: Backend) -> None:
    """What does not decode to JSON is no cursor at all."""
    answer = ask(f"{backend.web}/api/public/v2/observations?cursor=nonsense")
    assert (answer.status, answer.json) == (
        400,
        {"message": "Invalid cursor format", "error": "InvalidRequestError"},
    )


def test_takes_limits_as_javascript_does(backend: Backend) -> None:
    """A limit of 0 asks for nothing, and one that is written otherwise is a number all the same."""
    assert backend.rows("?limit=0") == []
    assert len(backend.rows("?limit=1e1")) == 10
    assert len(backend.rows("?limit=")) == 50


def test_ignores_what_it_does_not_know(backend: Backend) -> None:
    """An unknown parameter changes nothing; field groups of which none is known leave the core."""
    assert backend.rows("?secret=1&limit=1") == backend.rows("?limit=1")
    assert backend.rows("?parseIoAsJson=false&limit=1") == backend.rows("?limit=1")
    (core,) = backend.rows("?fields=core&limit=1")
    assert backend.rows("?fields=nonsense&limit=1") == [core]


def test_reads_moments_in_any_zone() -> None:
    """A time with an offset means the same moment as its UTC form."""
    assert from_iso("2026-11-20T11:00:00+01:00") == from_iso("2026-11-20T10:00:00.000Z")
    assert from_iso("2026-11-20T10:00:00") == from_iso("2026-11-20T10:00:00Z")
