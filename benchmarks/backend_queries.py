"""Reading by session and by user, at ten thousand spans and at a million.

The file is filled through the store, as many spans at a time as one request holds; the questions
are asked over HTTP, of the same session and user at both sizes, in turn.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from backend_load import SPANS, Ratio, Server, local, median, requests
from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import decode
from langfuse_local.store.selection import Selection
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = (10_000, 1_000_000)
_SESSION, _USER = f"conv_{2:024x}", f"usr_pseudo_{2:06x}"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_START = 1_795_168_800 * 10**6
_KEYS = base64.b64encode(b"pk-lf-demo:sk-lf-demo").decode()
_HOME = "/project/order-status-demo"


def _metrics(
    dimension: str, aggregation: str = "sum", measure: str = "totalCost", **filters: str
) -> str:
    """Metrics of one dimension, of the rows that equal every filter."""
    query = {
        "view": "observations",
        "dimensions": [{"field": dimension}],
        "metrics": [
            {"measure": measure, "aggregation": aggregation},
            {"measure": "count", "aggregation": "count"},
        ],
        "filters": [_filter(column, value) for column, value in filters.items()],
        "fromTimestamp": "2026-01-01T00:00:00Z",
        "toTimestamp": "2028-01-01T00:00:00Z",
        "orderBy": [{"field": f"{aggregation}_{measure}", "direction": "desc"}],
        "config": {"row_limit": 100},
    }
    return f"/api/public/v2/metrics?query={quote(json.dumps(query))}"


def _filter(column: str, value: str) -> dict[str, str]:
    return {"column": column, "operator": "=", "value": value, "type": "string"}


# One of the last session and user of the small file, which is somewhere in the large one.
_BARRED = {
    "observations by session": f"/api/public/v2/observations?sessionId={_SESSION}",
    "observations by user": f"/api/public/v2/observations?userId={_USER}",
    "metrics by session": _metrics("sessionId", sessionId=_SESSION),
    "metrics by user": _metrics("userId", userId=_USER),
}
_PAGES = {
    "newest observations": "/api/public/v2/observations",
    "page of sessions": f"{_HOME}/sessions",
    "page of users": f"{_HOME}/users",
    "page of traces": f"{_HOME}/traces",
    "page of one session": f"{_HOME}/sessions/{_SESSION}",
    "page of one user": f"{_HOME}/users/{_USER}",
}
# These read every row, or every row of one kind: they grow with the file.
_WHOLE = {
    "cost of every user": _metrics("userId"),
    "cost of every session": _metrics("sessionId"),
    "p95 latency by version": _metrics("version", "p95", "latency"),
    "newest with a metadata value": "/api/public/v2/observations?filter="
    + quote(json.dumps([{**_filter("metadata", "eu"), "type": "stringObject", "key": "region"}])),
}

# What charts and sorted lists read.
_SUMS: dict[str, Callable[[Store], object]] = {
    "sums of the dearest users": lambda store: store.sums.by("user", limit=50),
    "sums by version and day": lambda store: store.sums.by("version", per="day"),
    "sums by region and hour": lambda store: store.sums.by("region", per="hour", since=_START),
    "sums of one user by day": lambda store: store.sums.by("user", value=_USER, per="day"),
    "sessions by cost": lambda store: store.sessions(order="cost"),
    "users by cost": lambda store: store.users(order="cost"),
    "traces by tokens": lambda store: store.traces(order="tokens"),
    "traces of one region": lambda store: store.traces(where=Selection(region="eu")),
    "traces of no region": lambda store: store.traces(where=Selection(region="nowhere")),
    "sessions with an error": lambda store: store.sessions(where=Selection(level="ERROR")),
}


def measure() -> list[Ratio]:
    """Print each question's medians at both sizes and give their ratios."""
    with ExitStack() as stack:
        servers = []
        for size in _SIZES:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _fill(folder / "langfuse.db", size)
            servers.append(stack.enter_context(local(folder)))
        print(f"{'milliseconds, medians':40} {'10 k':>8} {'1 M':>8}  ratio")
        return [
            Ratio(f"{name}, 1 million spans to 10 thousand", _grows(name, readers, n), bar)
            for asked, n, bar in ((_BARRED, 25, "at most 3"), (_PAGES, 25, "-"), (_WHOLE, 3, "-"))
            for name, path in asked.items()
            for readers in [[partial(_read, server, path) for server in servers]]
        ] + _measure_sums(servers, stack)


def _measure_sums(servers: list[Server], stack: ExitStack) -> list[Ratio]:
    stores = [
        stack.enter_context(closing(Store(server.folder / "langfuse.db"))) for server in servers
    ]
    return [
        Ratio(
            f"{name}, 1 million spans to 10 thousand",
            _grows(name, [partial(read, store) for store in stores], 25),
            "at most 3",
        )
        for name, read in _SUMS.items()
    ]


def _fill(path: Path, size: int) -> None:
    with closing(Store(path)) as store:
        for body in requests(-(-size // SPANS)):
            store.save(observations(decode(body, "application/x-protobuf")))
            if sys.stderr.isatty():
                print(f"\r{store.counts().observations}", end="", file=sys.stderr)


def _grows(name: str, readers: list[Callable[[], object]], rounds: int) -> float:
    took: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for read, times in zip(readers, took, strict=True):
            started = time.perf_counter()
            read()
            times.append((time.perf_counter() - started) * 1000)
    small, large = map(median, took)
    print(f"{name:40} {small:8.1f} {large:8.1f}  {large / small:5.2f}")
    return large / small


def _read(server: Server, path: str) -> None:
    asked = urllib.request.Request(server.url + path, headers={"Authorization": f"Basic {_KEYS}"})  # noqa: S310 - loopback
    with _OPENER.open(asked, timeout=120) as answer:
        answer.read()
