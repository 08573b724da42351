"""Metrics over time: one row per step and group, with the steps between that have none."""

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

_SECOND = 1_000_000_000
_TEN = 1_795_168_800 * _SECOND  # Friday, 2026-11-20T10:00:00Z


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """Rows named `a` at 10:00:59 and 10:03:00, and one named `b` two days later."""
    sent = [("a", 59), ("a", 180), ("b", 2 * 24 * 3600)]
    spans = [
        span(
            spanId=f"{number:016x}",
            name=name,
            startTimeUnixNano=str(_TEN + after * _SECOND),
            endTimeUnixNano=str(_TEN + (after + 1) * _SECOND),
        )
        for number, (name, after) in enumerate(sent, 1)
    ]
    with running(tmp_path_factory.mktemp("timeline")) as started:
        assert ask(started.otlp, request_of(*spans), content_type=JSON).status == 200
        yield started


@pytest.mark.parametrize(
    ("granularity", "start", "end", "expected"),
    [
        ("minute", "20T09:59:30", "20T10:02", [("20T09:59:00Z", 0), ("20T10:00:00Z", 1)]),
        ("hour", "20T09:00", "20T12:00", [("20T09:00:00Z", 0), ("20T10:00:00Z", 2)]),
        ("day", "19T23:59", "23T00:00", [("19", 0), ("20", 2), ("21", 0), ("22", 1)]),
        ("week", "09T00:00", "24T00:00", [("09", 0), ("16", 3)]),
        ("week", "12T00:00", "22T00:00", [("09", 0), ("16", 2)]),
        ("month", "12T00:00", "30T00:00", [("01", 3)]),
    ],
)
def test_steps(
    backend: Backend, granularity: str, start: str, end: str, expected: list[tuple[str, int]]
) -> None:
    """Minutes and hours are moments, longer steps are dates; weeks begin on Monday.

    Steps without rows count 0; the step in which the range ends shows only if it has rows.
    """
    rows = _data(backend, granularity, start, end)
    shown = [(row["time_dimension"].removeprefix("2026-11-"), row["count_count"]) for row in rows]
    filled = [one for one in shown if one[1] or one in expected]
    assert filled == expected
    assert list(rows[0]) == ["time_dimension", "count_count"]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T11:59:00Z", "2026-11-20T10:01:00Z"),
        ("2026-11-20T10:00:00Z", "2026-11-20T12:00:00Z", "2026-11-20T11:00:00Z"),
        ("2026-11-20T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-21"),
        ("2026-11-20T10:00:00Z", "2027-02-20T10:00:00Z", "2026-11-23"),
        ("2026-11-20T10:00:00Z", "2027-11-20T10:00:00Z", "2026-12-01"),
    ],
)
def test_chooses_the_step(backend: Backend, start: str, end: str, expected: str) -> None:
    """`auto` takes minutes below two hours, then hours, days from 72 hours, weeks, months."""
    rows = _answer(backend, "auto", start, end).json["data"]
    assert rows[1]["time_dimension"] == expected


def test_fills_gaps_with_nothing(backend: Backend) -> None:
    """In a gap a count is 0, a value that may be NULL is `null`, and text is empty."""
    rows = _data(
        backend,
        "day",
        "20T00:00",
        "23T00:00",
        dimensions=[{"field": "name"}, {"field": "version"}],
        metrics=[
            {"measure": "count", "aggregation": "count"},
            {"measure": "latency", "aggregation": "avg"},
            {"measure": "totalTokens", "aggregation": "avg"},
        ],
    )
    assert [[*row.values()] for row in rows] == [
        ["a", None, "2026-11-20", 2, 1000, 0],
        ["", None, "2026-11-21", 0, None, 0],
        ["b", None, "2026-11-22", 1, 1000, 0],
    ]


def test_leaves_gaps_in_an_order_that_was_asked_for(backend: Backend) -> None:
    """An order of one's own, by time or else, leaves out the steps without rows."""
    order = [{"field": "time_dimension", "direction": "desc"}]
    rows = _data(backend, "day", "19T00:00", "23T00:00", orderBy=order)
    assert [row["time_dimension"] for row in rows] == ["2026-11-22", "2026-11-20"]


def test_bounds_filled_rows(backend: Backend) -> None:
    """The limit counts what is filled in too: 100 rows unless another is asked for."""
    assert len(_data(backend, "minute", "01T00:00", "30T00:00")) == 100
    limited = _data(backend, "minute", "20T10:00", "30T00:00", config={"row_limit": 5})
    assert [row["count_count"] for row in limited] == [1, 0, 0, 1, 0]


def test_reaches_to_the_ends_of_time(backend: Backend) -> None:
    """The years 1 to 9999 in UTC have steps, and what lies beyond them is no moment."""
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
    for granularity in ("minute", "week", "month"):
        rows = _answer(backend, granularity, first, last).json["data"]
        assert rows[0]["time_dimension"][:10] == "0001-01-01"
    rows = _answer(backend, "month", "9999-01-01T00:00:00Z", last).json["data"]
    assert rows[-1]["time_dimension"] == "9999-11-01"
    for start, end in (("0001-01-01T00:00:00+14:00", last), (first, "9999-12-31T23:59:59-14:00")):
        assert _answer(backend, "day", start, end).status == 400


def test_refuses_many_groups_over_time(backend: Backend) -> None:
    """A dimension with many values has no place in a time series, limited or not."""
    answer = _answer(
        backend,
        "day",
        "2026-11-20T00:00:00Z",
        "2026-11-22T00:00:00Z",
        dimensions=[{"field": "userId"}],
        config={"row_limit": 10},
        orderBy=[{"field": "count_count", "direction": "desc"}],
    )
    assert (answer.status, answer.json["error"]) == (400, "InvalidRequestError")
    assert answer.json["message"] == (
        "High cardinality dimension(s) 'userId' cannot be used with timeDimension. Time series"
        " queries with high cardinality dimensions produce unbounded result sets."
    )


def _data(
    backend: Backend, granularity: str, start: str, end: str, **asked: Any
) -> list[dict[str, Any]]:
    answer = _answer(backend, granularity, f"2026-11-{start}Z", f"2026-11-{end}Z", **asked)
    assert answer.status == 200, answer.json
    rows: list[dict[str, Any]] = answer.json["data"]
    return rows


def _answer(backend: Backend, granularity: str, start: str, end: str, **asked: Any) -> Reply:
    query = {
        "view": "observations",
        "metrics": [{"measure": "count", "aggregation": "count"}],
        "timeDimension": {"granularity": granularity},
        "fromTimestamp": start,
        "toTimestamp": end,
        **asked,
    }
    return ask(f"{backend.web}/api/public/v2/metrics?query={quote(json.dumps(query))}")
