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
_LATER = "2026-11-20T11:00:00Z"
_LATENCIES = (10, 20, 30, 40)
_USAGE = json.dumps({"input": 20, "input_cached_tokens": 10, "output": 5, "total": 35})


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


def test_groups_by_the_tags_as_a_whole(backend: Backend) -> None:
    """Rows with the same tags in the same order are one group, named by the list of them."""
    rows = _data(backend, dimensions=["tags"], metrics=[("count", "count")], order=("tags", "asc"))
    assert [[*row.values()] for row in rows] == [[["all", "t0"], 2], [["all", "t1"], 2]]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("version", None),
        ("environment", "default"),
        ("type", "SPAN"),
        ("name", "work"),
        ("providedModelName", None),
        ("model", None),
        ("traceName", "work"),
        ("release", None),
        ("traceRelease", None),
        ("traceVersion", None),
        ("level", "DEFAULT"),
        ("isRootObservation", True),
        ("startTimeMonth", "2026-11"),
    ],
)
def test_groups_by(backend: Backend, dimension: str, expected: object) -> None:
    """Dimensions with few values need no limit; what is absent is `null`."""
    (row,) = _data(backend, dimensions=[dimension], metrics=[("count", "count")])
    assert row == {dimension: expected, "count_count": 4}


@pytest.mark.parametrize(
    ("measure", "aggregation", "expected"),
    [
        ("uniqueUserIds", "uniq", 1),
        ("uniqueSessionIds", "uniq", 0),
        ("streamingLatency", "max", None),
        ("timeToFirstToken", "avg", None),
        ("inputTokens", "sum", 4 * 30),
        ("outputTokens", "max", 5),
        ("totalTokens", "avg", 35),
        ("tokensPerSecond", "avg", None),
        ("countScores", "sum", 0),
        ("totalCost", "max", 0.1),
    ],
)
def test_measures(backend: Backend, measure: str, aggregation: str, expected: object) -> None:
    """Tokens of a kind are summed over all its sub-kinds; what no row has is `null`, not 0."""
    (row,) = _data(backend, metrics=[(measure, aggregation)])
    assert row == {f"{aggregation}_{measure}": pytest.approx(expected)}


def test_draws_a_histogram(backend: Backend) -> None:
    """Bins are lists of lower end, upper end and height, as many as asked for at most."""
    (row,) = _data(backend, metrics=[("latency", "histogram")])
    assert row == {"histogram_latency": [[10, 15, 1], [15, 25, 1], [25, 35, 1], [35, 40, 1]]}
    (row,) = _data(backend, metrics=[("latency", "histogram")], config={"bins": 1})
    assert row == {"histogram_latency": [[10, 40, 4]]}


def test_sums_over_nothing(backend: Backend) -> None:
    """Without rows a count is 0, and a sum is 0 or `null` as Langfuse's column can be NULL."""
    asked = [
        ("count", "count"),
        ("totalCost", "sum"),
        ("totalTokens", "sum"),
        ("totalTokens", "avg"),
        ("latency", "max"),
        ("latency", "histogram"),
    ]
    (row,) = _data(backend, metrics=asked, fromTimestamp=_LATER)
    assert list(row.values()) == [0, None, 0, None, None, []]
    assert _data(backend, metrics=asked, dimensions=["name"], fromTimestamp=_LATER) == []


def test_counts_if_no_metric_is_asked_for(backend: Backend) -> None:
    """Metrics may be empty; the answer is then the number of rows."""
    assert _data(backend, metrics=[]) == [{"count": 4}]
    assert _data(backend, metrics=[], dimensions=["type"]) == [{"type": "SPAN", "count": 4}]


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
        ({"dimensions": ["promptName"]}, "Must be one of id,traceId,environment,"),
        ({"metrics": [("secret", "sum")]}, "Invalid metric secret. Must be one of count,"),
        ({"metrics": [("inputCost", "sum")]}, "Invalid metric inputCost"),
        ({"order": ("secret", "asc")}, "Invalid orderBy field: secret."),
        (
            {"metrics": [("latency", "histogram")], "order": ("histogram_latency", "asc")},
            "Invalid orderBy field: histogram_latency.",
        ),
        (
            {"metrics": [("traceId", "sum")]},
            (
                'Aggregation "sum" is not valid for measure "traceId" (type: string). Valid'
                " aggregations: count, uniq"
            ),
        ),
        ({"metrics": [("latency", "median")]}, "Invalid request data"),
        ({"config": {"bins": 101}}, "Invalid request data"),
        ({"config": None}, "Invalid request data"),
        ({"filters": None}, "Invalid request data"),
        ({"config": {"row_limit": 0}}, "Invalid request data"),
        ({"config": {"row_limit": 1001}}, "Invalid request data"),
        ({"toTimestamp": "2020-01-01T00:00:00Z"}, "Invalid request data"),
        ({"fromTimestamp": "soon"}, "Invalid request data"),
        ({"fromTimestamp": "2026-11-20"}, "Invalid request data"),
        ({"fromTimestamp": "2026-11-20T00:00:00"}, "Invalid request data"),
        ({"view": "traces"}, "Invalid request data"),
        ({"timeDimension": {"granularity": "second"}}, "Invalid request data"),
        ({"timeDimension": {}}, "Invalid request data"),
    ],
)
def test_refuses(backend: Backend, asked: dict[str, Any], problem: str) -> None:
    """What cannot be answered is a 400 that names the problem."""
    answer = _ask(backend, **{"metrics": [("count", "count")], **asked})
    assert (answer.status, list(answer.json)) == (400, ["message", "error"])
    assert problem in answer.json["message"]


@pytest.mark.parametrize(
    ("column", "kind", "problem"),
    [
        ("latency", "number", "Invalid filter column latency. Must be one of environment,"),
        (
            "tags",
            "string",
            (
                "Invalid filter for field 'tags': Filter type 'string' is not supported for dimension"
                " type 'string[]'. Expected 'arrayOptions'."
            ),
        ),
        (
            "name",
            "number",
            (
                "Invalid filter for field 'name': Filter type 'number' is not supported for dimension"
                " type 'string'. Expected 'string' or 'stringOptions'."
            ),
        ),
        (
            "start_time",
            "string",
            (
                "Invalid filter for field 'start_time': Filter type 'string' is not supported for time"
                " dimension 'start_time'. Expected 'datetime'."
            ),
        ),
        (
            "metadata",
            "string",
            "Invalid filter for field 'metadata': Metadata filters require type 'stringObject'",
        ),
    ],
)
def test_refuses_a_filter(backend: Backend, column: str, kind: str, problem: str) -> None:
    """Only dimensions, the time and metadata can be filtered, each by its own types."""
    one = {"column": column, "type": kind, "operator": "=", "value": 1 if kind == "number" else "1"}
    answer = _ask(backend, metrics=[("count", "count")], filters=[one])
    assert answer.status == 400
    assert answer.json["message"].startswith(problem)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ({"column": "traceName", "type": "string", "operator": "=", "value": "work"}, 4),
        ({"column": "scoreName", "type": "string", "operator": "=", "value": "work"}, 4),
        ({"column": "tags", "type": "arrayOptions", "operator": "any of", "value": ["t1"]}, 2),
        ({"column": "userId", "type": "null", "operator": "is null", "value": ""}, 2),
        (
            {
                "column": "start_time",
                "type": "datetime",
                "operator": ">",
                "value": "2026-11-20T10:00:00Z",
            },
            0,
        ),
        ({"column": "isRootObservation", "type": "boolean", "operator": "=", "value": True}, 4),
    ],
)
def test_filters(backend: Backend, one: dict[str, Any], expected: int) -> None:
    """Dimensions filter rows; an unknown name that ends in `Name` stands for the row's name."""
    (row,) = _data(backend, metrics=[("count", "count")], filters=[one])
    assert row == {"count_count": expected}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "Invalid request data"),
        ("?query=", "Invalid JSON in query parameter"),
        ("?query=x", "Invalid JSON in query parameter"),
        ("?query=[]", "Invalid request data"),
        ("?query={}", "Invalid request data"),
    ],
)
def test_refuses_a_query_that_is_none(backend: Backend, query: str, problem: str) -> None:
    """A missing or unreadable query is a 400 and never a traceback."""
    answer = ask(f"{backend.web}/api/public/v2/metrics{query}")
    assert (answer.status, answer.json["message"]) == (400, problem)


def test_names_the_options(backend: Backend) -> None:
    """A word that is not among the options is refused with all of them, as zod does."""
    answer = _ask(backend, metrics=[("latency", "median")])
    (issue,) = answer.json["error"]
    assert issue["code"] == "invalid_value"
    assert issue["path"] == ["query", "metrics", 0, "aggregation"]
    assert issue["values"][-2:] == ["histogram", "uniq"]
    assert issue["message"].startswith('Invalid option: expected one of "sum"|"avg"|"count"|')


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
