"""Many at once, and killed at any moment: everything acknowledged is there, once.

`make soak` runs the same for a minute, and with more kills.
"""

from __future__ import annotations

import os
import random
import threading
import time
import urllib.error
from contextlib import closing
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from served import Served, served
from tables import contents, rebuilt
from wire import JSON, Backend, ask, request_of, span

from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BATCH = 20
SECONDS = float(os.environ.get("SOAK_SECONDS", "3"))
KILLS = int(os.environ.get("SOAK_KILLS", "4"))


def batch(sender: int, number: int) -> bytes:
    """A request of spans that no other request has."""
    trace = f"{sender + 1:08x}{number:024x}"
    return request_of(
        *(
            span(
                traceId=trace,
                spanId=f"{place + 1:016x}",
                attributes=[
                    {"key": "langfuse.session.id", "value": {"stringValue": f"talk-{number % 7}"}}
                ],
            )
            for place in range(BATCH)
        )
    )


def at_once(*tasks: Callable[[], None]) -> list[BaseException]:
    """Run each task in a thread of its own; the errors that they raised."""
    errors: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - for the test to show
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_writers_and_readers_together(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """Two senders and ten readers at once: no error, no word of a lock, exact counts."""
    over = threading.Event()
    batches = [0, 0]
    deadline = time.monotonic() + SECONDS

    def write(sender: int) -> None:
        while time.monotonic() < deadline:
            answer = ask(backend.otlp, batch(sender, batches[sender]), content_type=JSON)
            assert answer.status == 200
            batches[sender] += 1

    def read(reader: int) -> None:
        paths = ("/api/public/v2/observations?limit=50", "/project/order-status-demo/sessions")
        while not over.is_set():
            assert ask(backend.web + paths[reader % 2]).status == 200

    def write_all() -> None:
        errors = at_once(*(lambda sender=sender: write(sender) for sender in (0, 1)))  # type: ignore[misc]  # lambda's default
        over.set()
        assert errors == []

    readers = [lambda reader=reader: read(reader) for reader in range(10)]  # type: ignore[misc]  # as above
    assert at_once(write_all, *readers) == []
    counts = backend.store.counts()
    assert min(batches) > 7
    assert (counts.observations, counts.traces) == (sum(batches) * BATCH, sum(batches))
    assert counts.sessions == 7
    assert caplog.records == []


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_a_random_moment(tmp_path: Path, seed: int) -> None:
    """After `kill -9` the file opens, and holds each acknowledged span once and no half request."""
    acknowledged: list[int] = []
    delay = random.Random(seed).uniform(0.05, 0.5)
    with served(tmp_path) as server:

        def send() -> None:
            number = 0
            while True:
                try:
                    status = ask(server.otlp, batch(1, number), content_type=JSON).status
                except (urllib.error.URLError, HTTPException, ConnectionError):
                    return
                assert status == 200
                acknowledged.append(number)
                number += 1

        killer = threading.Timer(delay, server.process.kill)
        killer.start()
        assert at_once(send) == []
        killer.join()
    with closing(Store(tmp_path / "langfuse.db")) as store:
        traces = {trace.id: trace.totals.observations for trace in store.traces(limit=100_000)}
        assert set(traces.values()) <= {BATCH}
        assert {f"{2:08x}{number:024x}" for number in acknowledged} <= traces.keys()
        assert len(traces) <= len(acknowledged) + 1
        assert store.counts().observations == BATCH * len(traces)
        assert store.rows("PRAGMA integrity_check")[0][0] == "ok"
        assert contents(store) == rebuilt(store)


def test_killed_while_many_write_and_read(tmp_path: Path) -> None:
    """Two senders and ten readers, `kill -9` in the middle, and on again: exact, sums included."""
    acknowledged: set[tuple[int, int]] = set()
    batches = [0, 0]
    for _ in range(2):
        with served(tmp_path) as server:
            over = threading.Event()
            tasks = [
                partial(_send, server, sender, batches, acknowledged, over) for sender in (0, 1)
            ]
            readers = [partial(_read, server, number, over) for number in range(10)]
            killer = threading.Timer(SECONDS / 2, server.process.kill)
            killer.start()
            assert at_once(*tasks, *readers) == []
            killer.join()
    with closing(Store(tmp_path / "langfuse.db")) as store:
        traces = {trace.id: trace.totals.observations for trace in store.traces(limit=1_000_000)}
        assert set(traces.values()) == {BATCH}
        assert {f"{s + 1:08x}{n:024x}" for s, n in acknowledged} <= traces.keys()
        assert len(traces) <= len(acknowledged) + 4  # Of each sender one, each time it was killed.
        assert store.rows("PRAGMA integrity_check")[0][0] == "ok"
        assert contents(store) == rebuilt(store)


def _send(
    server: Served,
    sender: int,
    batches: list[int],
    acknowledged: set[tuple[int, int]],
    over: threading.Event,
) -> None:
    while True:
        try:
            status = ask(server.otlp, batch(sender, batches[sender]), content_type=JSON).status
        except (urllib.error.URLError, HTTPException, ConnectionError):
            over.set()
            return
        assert status == 200
        acknowledged.add((sender, batches[sender]))
        batches[sender] += 1


def _read(server: Served, number: int, over: threading.Event) -> None:
    paths = ("/api/public/v2/observations?limit=50", "/project/order-status-demo/sessions")
    while not over.is_set():
        try:
            assert ask(server.web + paths[number % 2]).status == 200
        except (urllib.error.URLError, HTTPException, ConnectionError):
            return
