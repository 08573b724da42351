"""Metrics over scores: the three views, and what they take from a score's trace."""

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

    Running = Callable[[Path], AbstractContextManager[Backend]]

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_SPAN = "b7ad6b7169203331"
_TAGS = {"values": [{"stringValue": "x"}]}
_SCORES = (
    {"name": "rating", "value": 4, "traceId": _TRACE},
    {"name": "rating", "value": 2, "traceId": _TRACE, "observationId": _SPAN},
    {"name": "rating", "value": 1, "sessionId": "talk", "environment": "qa"},
    {"name": "solved", "value": 1, "traceId": _TRACE, "dataType": "BOOLEAN"},
    {"name": "solved", "value": 0, "sessionId": "talk", "dataType": "BOOLEAN"},
    {"name": "mood", "value": "calm", "traceId": _TRACE, "metadata": {"by": "ann"}},
    {"name": "note", "value": "Well done.", "traceId": _TRACE, "dataType": "TEXT"},
    {"name": "fixed", "value": "Other words.", "traceId": _TRACE, "dataType": "CORRECTION"},
)


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A trace of a user with tags, and scores of it, of its observation and of a session."""
    attributes = [
        {"key": "user.id", "value": {"stringValue": "ann"}},
        {"key": "langfuse.trace.tags", "value": {"arrayValue": _TAGS}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "order-model"}},
    ]
    with running(tmp_path_factory.mktemp("scores")) as started:
        sent = request_of(span(attributes=attributes))
        assert ask(started.otlp, sent, content_type=JSON).status == 200
        for place, score in enumerate(_SCORES):
            body = {"id": str(place), "timestamp": f"2026-11-20T10:0{place}:00Z", **score}
            url = f"{started.web}/api/public/scores"
            assert ask(url, json.dumps(body).encode(), content_type=JSON).status == 200
        yield started


@pytest.mark.parametrize(
    ("view", "metrics", "expected"),
    [
        ("numeric", [("count", "count"), ("value", "avg"), ("value", "p50")], [5, 1.6, 1]),
        (
            "numeric",
            [("value", "histogram")],
            [[[0, 0.5, 1.125], [0.5, 1.5, 1.75], [1.5, 3, 1.125]]],
        ),
        ("boolean", [("count", "count"), ("value", "avg"), ("value", "sum")], [2, 0.5, 1]),
        ("categorical", [("count", "count")], [2]),
    ],
)
def test_views(
    backend: Backend, view: str, metrics: list[tuple[str, str]], expected: list[object]
) -> None:
    """Numeric scores include booleans, categorical ones texts; corrections are in none."""
    (row,) = _data(backend, view, metrics=metrics)
    values = [*row.values()]
    assert (values if metrics[0][1] != "histogram" else [values[0][:3]]) == expected


@pytest.mark.parametrize(
    ("view", "dimension", "expected"),
    [
        ("numeric", "name", {"rating": 3, "solved": 2}),
        ("numeric", "environment", {"default": 4, "qa": 1}),
        ("numeric", "source", {"API": 5}),
        ("numeric", "dataType", {"NUMERIC": 3, "BOOLEAN": 2}),
        ("numeric", "configId", {None: 5}),
        ("numeric", "timestampDay", {"2026-11-20": 5}),
        ("numeric", "timestampMonth", {"2026-11": 5}),
        ("numeric", "value", {4: 1, 2: 1, 1: 2, 0: 1}),
        ("boolean", "booleanValue", {True: 1, False: 1}),
        ("categorical", "stringValue", {"calm": 1, "Well done.": 1}),
        ("numeric", "traceName", {"work": 3}),
        ("numeric", "traceVersion", {None: 3}),
        ("numeric", "observationName", {"work": 1}),
        ("numeric", "observationModelName", {"order-model": 1}),
    ],
)
def test_groups(backend: Backend, view: str, dimension: str, expected: dict[object, int]) -> None:
    """A dimension of the trace or the observation counts only scores that have one."""
    rows = _data(backend, view, dimensions=[dimension])
    assert {row[dimension]: row["count_count"] for row in rows} == expected


def test_groups_by_user_and_tags(backend: Backend) -> None:
    """Who was scored comes from the trace's root, and asks for a limit and an order."""
    (row,) = _data(
        backend,
        "numeric",
        dimensions=["userId", "tags"],
        metrics=[("value", "sum")],
        order=("sum_value", "desc"),
        config={"row_limit": 10},
    )
    assert row == {"userId": "ann", "tags": ["x"], "sum_value": 7}


def test_leaves_out_a_trace_from_before(backend: Backend) -> None:
    """A trace that started outside the time range has no part in it, though its scores do."""
    late = {"fromTimestamp": "2026-11-20T10:00:30Z"}
    assert _data(backend, "numeric", **late) == [{"count_count": 4}]
    assert _data(backend, "numeric", dimensions=["traceName"], **late) == []


def test_joins_ids_that_are_no_hex(tmp_path: Path, running: Running) -> None:
    """Any text is an id at Langfuse's own endpoint, for a trace and for its scores."""
    with running(tmp_path) as started:
        sent = request_of(span(traceId="My Trace", spanId="a span"))
        url = f"{started.web}/api/public/otel/v1/traces"
        assert ask(url, sent, content_type=JSON).status == 200
        body = {"name": "n", "value": 1, "traceId": "My Trace", "timestamp": "2026-11-20T10:00:00Z"}
        for more in ({}, {"observationId": "a span"}):
            score = json.dumps({**body, **more}).encode()
            ask(f"{started.web}/api/public/scores", score, content_type=JSON)
        for dimension, count in (("traceName", 2), ("observationName", 1)):
            rows = _data(started, "numeric", dimensions=[dimension])
            assert rows == [{dimension: "work", "count_count": count}]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ({"column": "name", "type": "string", "operator": "=", "value": "rating"}, 3),
        ({"column": "scoreName", "type": "string", "operator": "=", "value": "solved"}, 2),
        ({"column": "value", "type": "number", "operator": ">", "value": 1}, 2),
        ({"column": "sessionId", "type": "null", "operator": "is not null", "value": ""}, 2),
        ({"column": "userId", "type": "stringOptions", "operator": "any of", "value": ["ann"]}, 3),
        ({"column": "tags", "type": "arrayOptions", "operator": "none of", "value": ["x"]}, 0),
        (
            {
                "column": "metadata",
                "type": "stringObject",
                "key": "by",
                "operator": "=",
                "value": "",
            },
            5,
        ),
        (
            {
                "column": "timestamp",
                "type": "datetime",
                "operator": "<",
                "value": "2026-11-20T10:01:00Z",
            },
            1,
        ),
    ],
)
def test_filters(backend: Backend, one: dict[str, Any], expected: int) -> None:
    """Filters name the view's dimensions, its time and the score's metadata."""
    assert _data(backend, "numeric", filters=[one]) == [{"count_count": expected}]


def test_counts_over_time(backend: Backend) -> None:
    """Scores have a time series by their own time."""
    rows = _data(
        backend,
        "boolean",
        timeDimension={"granularity": "minute"},
        fromTimestamp="2026-11-20T10:02:00Z",
        toTimestamp="2026-11-20T10:05:00Z",
    )
    assert [[*row.values()] for row in rows] == [
        ["2026-11-20T10:02:00Z", 0],
        ["2026-11-20T10:03:00Z", 1],
        ["2026-11-20T10:04:00Z", 1],
    ]


def test_counts_scores_of_observations(backend: Backend) -> None:
    """`countScores` is about the observations that have scores, and leaves out the others."""
    answer = _ask(backend, "observations", metrics=[("countScores", "sum"), ("count", "count")])
    assert answer.json["data"] == [{"sum_countScores": 1, "count_count": 1}]


@pytest.mark.parametrize(
    ("view", "asked", "problem"),
    [
        (
            "categorical",
            {"metrics": [("value", "avg")]},
            "Invalid metric value. Must be one of count",
        ),
        ("numeric", {"dimensions": ["stringValue"]}, "Invalid dimension stringValue."),
        ("boolean", {"dimensions": ["value"]}, "Invalid dimension value."),
        (
            "numeric",
            {"dimensions": ["sessionId"]},
            "High cardinality dimension(s) 'sessionId' require",
        ),
        (
            "boolean",
            {
                "filters": [
                    {"column": "booleanValue", "type": "string", "operator": "=", "value": "1"}
                ]
            },
            (
                "Invalid filter for field 'booleanValue': Filter type 'string' is not supported for"
                " dimension type 'boolean'. Expected 'boolean'."
            ),
        ),
    ],
)
def test_refuses(backend: Backend, view: str, asked: dict[str, Any], problem: str) -> None:
    """What a view lacks is a 400 that names what it has."""
    answer = _ask(backend, f"scores-{view}", **asked)
    assert (answer.status, answer.json["error"]) == (400, "InvalidRequestError")
    assert answer.json["message"].startswith(problem)


def _data(backend: Backend, view: str, **asked: Any) -> list[dict[str, Any]]:
    answer = _ask(backend, f"scores-{view}", **asked)
    assert answer.status == 200, answer.json
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def _ask(backend: Backend, view: str, **asked: Any) -> Reply:
    metrics = asked.pop("metrics", [("count", "count")])
    order = asked.pop("order", None)
    query = {
        "view": view,
        "dimensions": [{"field": field} for field in asked.pop("dimensions", [])],
        "metrics": [{"measure": m, "aggregation": a} for m, a in metrics],
        "fromTimestamp": "2026-11-20T00:00:00Z",
        "toTimestamp": "2026-11-22T00:00:00Z",
        **({"orderBy": [{"field": order[0], "direction": order[1]}]} if order else {}),
        **asked,
    }
    return ask(f"{backend.web}/api/public/v2/metrics?query={quote(json.dumps(query))}")
