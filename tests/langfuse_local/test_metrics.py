"""Metrics group and sum up observations as asked, and refuse what Langfuse refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from wire import JSON, Reply, ask, request_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wire import Backend

_START = 1_795_168_800_000_000_000
_LATENCIES = (10, 20, 30, 40)


def _row(number: int, milliseconds: int) -> dict[str, Any]:
    tags = {"values": [{"stringValue": "all"}, {"stringValue": f"t{number % 2}"}]}
    user = [{"key": "user.id", "value": {"stringValue": "ann"}}] if number % 2 else []
    return span(
        spanId=f"{number + 1:016x}",
        startTimeUnixNano=str(_START),
        endTimeUnixNano=str(_START + milliseconds * 1_000_000),
        attributes=[
            {"key": "langfuse.trace.tags", "value": {"arrayValue": tags}},
            {"key": "gen_ai.usage.cost", "value": {"doubleValue": 0.1}},
            *user,
        ],
    )


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend with four rows of one trace, every other of them of a user."""
    with running(tmp_path_factory.mktemp("metrics")) as started:
        sent = request_of(*(_row(number, took) for number, took in enumerate(_LATENCIES)))
        assert ask(started.otlp, sent, content_type=JSON).status == 200
        yield started


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("count", 4),
        ("uniq", 4),
        ("sum", 100),
        ("avg", 25),
        ("min", 10),
        ("max", 40),
        ("p50", 25),
        ("p75", 32.5),
        ("p90", 37),
        ("p95", 38.5),
        ("p99", 39.7),
    ],
)
def test_aggregates(backend: Backend, aggregation: str, expected: float) -> None:
    """Every aggregation of a measure, percentiles between two neighbours."""
    (row,) = _data(backend, metrics=[("latency", aggregation)])
    assert row == {f"{aggregation}_latency": pytest.approx(expected)}


def test_groups_and_keeps_what_has_no_user(backend: Backend) -> None:
    """What is attributed to nobody is a row of its own, with `null`."""
    rows = _data(
        backend,
        dimensions=["userId"],
        metrics=[("totalCost", "sum"), ("traceId", "uniq")],
        order=("sum_totalCost", "desc"),
        config={"row_limit": 10},
    )
    assert sorted(rows, key=str) == [
        {"userId": "ann", "sum_totalCost": 0.2, "uniq_traceId": 1},
        {"userId": None, "sum_totalCost": 0.2, "uniq_traceId": 1},
    ]


def test_counts_a_row_for_each_of_its_tags(backend: Backend) -> None:
    """The tags dimension has a row per tag, ordered as asked."""
    rows = _data(backend, dimensions=["tags"], metrics=[("count", "count")], order=("tags", "asc"))
    assert [(row["tags"], row["count_count"]) for row in rows] == [("all", 4), ("t0", 2), ("t1", 2)]


@pytest.mark.parametrize(
    "dimension",
    ["version", "environment", "type", "name", "model", "traceName", "release", "level"],
)
def test_groups_by(backend: Backend, dimension: str) -> None:
    """Dimensions with few values need no limit."""
    (row,) = _data(backend, dimensions=[dimension], metrics=[("count", "count")])
    assert list(row) == [dimension, "count_count"]


def test_narrows(backend: Backend) -> None:
    """Filters and the time range narrow what is counted."""
    ann = {"type": "string", "column": "userId", "operator": "=", "value": "ann"}
    (row,) = _data(backend, metrics=[("count", "count")], filters=[ann])
    assert row == {"count_count": 2}
    (row,) = _data(backend, metrics=[("count", "count")], fromTimestamp="2026-11-20T10:00:01Z")
    assert row == {"count_count": 0}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"dimensions": ["sessionId"]}, "require both 'config.row_limit'"),
        ({"dimensions": ["traceId"], "config": {"row_limit": 5}}, "require both"),
        (
            {
                "dimensions": ["userId"],
                "config": {"row_limit": 5},
                "order": ("userId", "desc"),
            },
            "'userId' is not a measure",
        ),
        ({"dimensions": ["secret"]}, "Invalid dimension secret"),
        ({"metrics": [("secret", "sum")]}, "Invalid measure secret"),
        ({"order": ("secret", "asc")}, "Invalid orderBy field secret"),
        ({"metrics": [("traceId", "sum")]}, "Invalid request data"),
        ({"metrics": [("latency", "median")]}, "Invalid request data"),
        ({"metrics": []}, "Invalid request data"),
        ({"config": {"row_limit": 0}}, "Invalid request data"),
        ({"config": {"row_limit": 1001}}, "Invalid request data"),
        ({"toTimestamp": "2020-01-01T00:00:00Z"}, "Invalid request data"),
        ({"fromTimestamp": "soon"}, "Invalid request data"),
        ({"view": "traces"}, "view"),
        ({"timeDimension": {"granularity": "day"}}, "timeDimension"),
    ],
)
def test_refuses(backend: Backend, asked: dict[str, Any], problem: str) -> None:
    """What cannot be answered is a 400 that names the problem."""
    answer = _ask(backend, **{"metrics": [("count", "count")], **asked})
    assert (answer.status, list(answer.json)) == (400, ["message", "error"])
    assert problem in answer.json["message"]


@pytest.mark.parametrize("query", ["", "?query=", "?query=x", "?query=[]", "?query={}"])
def test_refuses_a_query_that_is_none(backend: Backend, query: str) -> None:
    """A missing or unreadable query is a 400 and never a traceback."""
    answer = ask(f"{backend.web}/api/public/v2/metrics{query}")
    assert (answer.status, answer.json["message"]) == (400, "Invalid request data")


def _data(backend: Backend, **asked: Any) -> list[dict[str, Any]]:
    answer = _ask(backend, **asked)
    assert answer.status == 200, answer.json
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def _ask(backend: Backend, **asked: Any) -> Reply:
    metrics = [{"measure": m, "aggregation": a} for m, a in asked.pop("metrics")]
    dimensions = [{"field": field} for field in asked.pop("dimensions", [])]
    order = asked.pop("order", None)
    query = {
        "view": "observations",
        "dimensions": dimensions,
        "metrics": metrics,
        "filters": [],
        "fromTimestamp": "2026-11-20T00:00:00Z",
        "toTimestamp": "2026-11-22T00:00:00Z",
        **({"orderBy": [{"field": order[0], "direction": order[1]}]} if order else {}),
        **asked,
    }
    return ask(f"{backend.web}/api/public/v2/metrics?query={quote(json.dumps(query))}")
