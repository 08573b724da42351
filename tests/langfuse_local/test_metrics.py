"""Metrics sum up observations, and refuse what cannot be answered."""

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
_LATER = "2026-11-20T11:00:00Z"
_LATENCIES = (10, 20, 30, 40)
_USAGE = json.dumps({"input": 20, "input_cached_tokens": 10, "output": 5, "total": 35})


def _row(number: int, milliseconds: int) -> dict[str, Any]:
    user = [{"key": "user.id", "value": {"stringValue": "ann"}}] if number % 2 else []
    return span(
        spanId=f"{number + 1:016x}",
        startTimeUnixNano=str(_START),
        endTimeUnixNano=str(_START + milliseconds * 1_000_000),
        attributes=[
            {"key": "langfuse.version", "value": {"stringValue": "78"[number == 0]}},
            {"key": "gen_ai.usage.cost", "value": {"doubleValue": 0.1}},
            {"key": "langfuse.observation.usage_details", "value": {"stringValue": _USAGE}},
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
        body = request_of(*(_row(number, took) for number, took in enumerate(_LATENCIES)))
        assert ask(started.otlp, body, content_type=JSON).status == 200
        yield started


@pytest.mark.parametrize(
    ("measure", "aggregation", "expected"),
    [
        ("count", "count", 4),
        ("latency", "uniq", 4),
        ("latency", "sum", 100),
        ("latency", "p95", 38.5),
        ("totalCost", "sum", 0.4),
        ("totalTokens", "sum", 4 * 35),
        ("traceId", "uniq", 1),
        ("traceId", "count", 4),
    ],
)
def test_aggregates(backend: Backend, measure: str, aggregation: str, expected: float) -> None:
    """Each measure is aggregated over all rows; the percentile lies between two neighbours."""
    (row,) = _data(backend, metrics=[(measure, aggregation)])
    assert row == {f"{aggregation}_{measure}": pytest.approx(expected)}


@pytest.mark.parametrize("dimension", ["userId", "sessionId"])
def test_groups_and_keeps_what_has_no_owner(backend: Backend, dimension: str) -> None:
    """What belongs to nobody is a row of its own, with `null`."""
    rows = _data(
        backend,
        dimensions=[dimension],
        metrics=[("totalCost", "sum"), ("traceId", "uniq")],
        order=("sum_totalCost", "desc"),
        config={"row_limit": 10},
    )
    names = {"userId": ["ann", None], "sessionId": [None]}[dimension]
    assert sorted(rows, key=str) == [
        {dimension: name, "sum_totalCost": pytest.approx(0.4 / len(names)), "uniq_traceId": 1}
        for name in names
    ]


def test_groups_by_version(backend: Backend) -> None:
    """A dimension with few values needs neither a limit nor an order: the largest comes first."""
    assert _data(backend, dimensions=["version"], metrics=[("count", "count")]) == [
        {"version": "7", "count_count": 3},
        {"version": "8", "count_count": 1},
    ]


def test_sums_over_nothing(backend: Backend) -> None:
    """Without rows counts and sums are 0, and there is no percentile and no group."""
    metrics = [("count", "count"), ("totalCost", "sum"), ("latency", "p95")]
    (row,) = _data(backend, metrics=metrics, fromTimestamp=_LATER)
    assert list(row.values()) == [0, 0, None]
    assert _data(backend, metrics=metrics, dimensions=["version"], fromTimestamp=_LATER) == []


def test_narrows(backend: Backend) -> None:
    """Filters and the time range narrow what is counted."""
    ann = {"type": "string", "column": "userId", "operator": "=", "value": "ann"}
    (row,) = _data(backend, metrics=[("count", "count")], filters=[ann])
    assert row == {"count_count": 2}
    (row,) = _data(backend, metrics=[("count", "count")], fromTimestamp="2026-11-20T10:00:01Z")
    assert row == {"count_count": 0}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"dimensions": ["sessionId"]}, "require both 'config.row_limit'"),
        ({"dimensions": ["userId"], "config": {"row_limit": 5}}, "require both"),
        (
            {
                "dimensions": ["userId"],
                "config": {"row_limit": 5},
                "order": ("userId", "desc"),
            },
            "on a measure field",
        ),
        ({"dimensions": ["secret"]}, "dimensions.field must be one of sessionId, userId, version."),
        ({"metrics": [("secret", "sum")]}, "measure must be one of count,"),
        ({"metrics": [("latency", "median")]}, "aggregation must be one of count, p95, sum, uniq."),
        ({"metrics": [("traceId", "sum")]}, "The aggregation of traceId must be count or uniq."),
        ({"metrics": []}, "metrics must not be empty."),
        ({"order": ("secret", "asc")}, "orderBy.field must be one of count_count."),
        ({"order": ("count_count", "up")}, "orderBy.direction must be one of asc, desc."),
        ({"config": None}, "config must be an object."),
        ({"filters": None}, "filters must be an array."),
        ({"config": {"row_limit": 0}}, "config.row_limit must be a whole number, 1 or more."),
        ({"config": {"row_limit": 1001}}, "Invalid request data"),
        ({"toTimestamp": "2020-01-01T00:00:00Z"}, "fromTimestamp must be before toTimestamp."),
        ({"fromTimestamp": "soon"}, "fromTimestamp must be a time with its zone"),
        ({"fromTimestamp": "2026-11-20"}, "fromTimestamp must be a time with its zone"),
        ({"fromTimestamp": "2026-11-20T00:00:00"}, "fromTimestamp must be a time with its zone"),
        ({"view": "traces"}, "view must be one of observations."),
    ],
)
def test_refuses(backend: Backend, changes: dict[str, Any], problem: str) -> None:
    """What cannot be answered is a 400 that names the problem."""
    response = _ask(backend, **{"metrics": [("count", "count")], **changes})
    assert (response.status, list(response.json)) == (400, ["message", "error"])
    assert problem in response.json["message"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "query must be a string."),
        ("?query=", "Invalid JSON in query parameter"),
        ("?query=x", "Invalid JSON in query parameter"),
        ("?query=[]", "query must be an object."),
        ("?query={}", "view must be one of observations."),
    ],
)
def test_refuses_a_query_that_is_none(backend: Backend, query: str, problem: str) -> None:
    """A missing or unreadable query is a 400 and never a traceback."""
    response = ask(f"{backend.web}/api/public/v2/metrics{query}")
    assert (response.status, response.json["message"]) == (400, problem)


def _data(backend: Backend, **query: Any) -> list[dict[str, Any]]:
    response = _ask(backend, **query)
    assert response.status == 200, response.json
    data: list[dict[str, Any]] = response.json["data"]
    return data


def _ask(backend: Backend, **members: Any) -> Reply:
    metrics = [{"measure": m, "aggregation": a} for m, a in members.pop("metrics")]
    dimensions = [{"field": field} for field in members.pop("dimensions", [])]
    order = members.pop("order", None)
    query = {
        "view": "observations",
        "dimensions": dimensions,
        "metrics": metrics,
        "filters": [],
        "fromTimestamp": "2026-11-20T00:00:00Z",
        "toTimestamp": "2026-11-22T00:00:00Z",
        **({"orderBy": [{"field": order[0], "direction": order[1]}]} if order else {}),
        **members,
    }
    return ask(f"{backend.web}/api/public/v2/metrics?query={quote(json.dumps(query))}")
