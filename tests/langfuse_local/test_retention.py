"""Old traces go when a setting says so, whole, in the background, and leave nothing behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from test_store import CHAT, ROOT, again

from langfuse_local import retention
from langfuse_local.config import Settings
from langfuse_local.retention import Retention
from langfuse_local.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(3_000))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "langfuse.db")) as opened:
        yield opened


def texts(store: Store) -> set[str]:
    """Every interned text."""
    with store._reading() as connection:
        return {row["value"] for row in connection.execute("SELECT value FROM strings")}


def test_removes_whole_traces_by_age(store: Store) -> None:
    """A trace goes once nothing of it arrived since the cut-off, with its groups and its texts."""
    store.save([ROOT, CHAT._replace(session_id="of the root's trace")])
    store.save([again(ROOT, 1, session_id="kept alive")])
    cutoff = time.time_ns() // 1000 + 1
    while time.time_ns() // 1000 <= cutoff:
        pass
    store.save([again(CHAT, 1, session_id="kept alive"), again(ROOT, 2, user_id="bob")])
    assert store.prune(before=cutoff) == 2
    assert store.trace(ROOT.trace_id) is None
    counts = store.counts()
    assert (counts.sessions, counts.users, counts.traces, counts.observations) == (2, 2, 2, 3)
    assert "of the root's trace" not in texts(store)
    assert {"kept alive", "bob", "talk"} <= texts(store)
    assert store.prune(before=cutoff) == 0


def test_removes_the_oldest_by_size(store: Store) -> None:
    """What is left fits the bound, and is the newest; the room is used again."""
    for number in range(300):
        store.save([again(ROOT, number, input=NOISE + str(number), session_id=str(number))])
    pages = store.rows("PRAGMA page_count")[0][0]
    limit = retention._used(store.rows) // 2
    assert store.prune(max_bytes=limit) > 0
    left = {one.id for one in store.sessions(limit=1000)}
    assert left
    assert left == {str(number) for number in range(300 - len(left), 300)}
    assert retention._used(store.rows) <= limit
    for number in range(300, 400):
        store.save([again(ROOT, number, input=NOISE + str(number))])
    assert store.rows("PRAGMA page_count")[0][0] <= pages


def test_keeps_texts_that_come_back_while_it_looks(store: Store) -> None:
    """A text that a request uses again while unused ones are looked for is not removed."""
    store.save([again(ROOT, 1, session_id="returns")])
    writer = store._writer

    def read(query: str) -> list[object]:
        rows = store.rows(query)
        if "UNION" in query:
            store.save([again(ROOT, 2, session_id="returns")])
        return rows  # type: ignore[return-value]  # rows of SQLite

    store.prune(before=None)
    writer.run(lambda: writer.connection.execute("DELETE FROM spans"))
    retention._remove_texts(writer, read)  # type: ignore[arg-type]  # as above
    assert store.observations([], limit=5)[0].observation.session_id == "returns"


def test_prunes_while_spans_come_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the background, with four threads sending: no error, and what is newest is there."""
    monkeypatch.setattr(retention, "_SECONDS", 0.01)
    settings = Settings.model_construct(langfuse_local_max_megabytes=1)
    errors: list[BaseException] = []

    def send(sender: int) -> None:
        try:
            for number in range(60):
                content = NOISE + str((sender, number))
                store.save(
                    [again(ROOT, 1000 * sender + number, id=f"{sender + 1:016x}", input=content)]
                )
        except BaseException as error:  # noqa: BLE001 - for the test to show
            errors.append(error)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    with Retention(store, settings):
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        deadline = time.monotonic() + 30
        while retention._used(store.rows) > 1024**2 and time.monotonic() < deadline:
            pass
    assert errors == []
    assert retention._used(store.rows) <= 1024**2
    counts = store.counts()
    assert 0 < counts.observations < 240
    assert counts.traces == counts.observations


def test_keeps_everything_unless_told(store: Store) -> None:
    """Without a setting there is no thread at all."""
    before = threading.active_count()
    with Retention(store, Settings.model_construct()):
        assert threading.active_count() == before
