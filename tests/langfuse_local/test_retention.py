"""Old traces go when a setting says so, whole, in the background, and leave nothing behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from rows import CHAT, ROOT, again, changed

from langfuse_local.api.scores import Scores
from langfuse_local.config import Settings
from langfuse_local.store import pruning, retention
from langfuse_local.store.retention import Retention
from langfuse_local.store.sql import statement
from langfuse_local.store.store import Store
from langfuse_local.timestamps import from_iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT_ID = bytes.fromhex(ROOT.trace_id)
NOISE = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(3_000))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "langfuse.db")) as opened:
        yield opened


def texts(store: Store) -> set[str]:
    """Every interned text."""
    with store._readers.connection() as connection:
        return {row["value"] for row in connection.execute("SELECT value FROM strings")}


def test_removes_whole_traces_by_age(store: Store) -> None:
    """A trace goes once nothing of it arrived since the cut-off, with its groups and its texts."""
    store.save([ROOT, changed(CHAT, session_id="of the root's trace")])
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
    limit = pruning.used_bytes(store.rows) // 2
    assert store.prune(max_bytes=limit) > 0
    left = {session.id for session in store.sessions(limit=1000)}
    assert left
    assert left == {str(number) for number in range(300 - len(left), 300)}
    assert pruning.used_bytes(store.rows) <= limit
    for number in range(300, 400):
        store.save([again(ROOT, number, input=NOISE + str(number))])
    assert store.rows("PRAGMA page_count")[0][0] <= pages


def test_texts_that_go_make_room(store: Store) -> None:
    """Where texts fill the file, what they leave is room, too: no more rows go than have to."""
    store.save(again(ROOT, number, session_id=f"{number} {NOISE}") for number in range(1000))
    assert store.prune(max_bytes=pruning.used_bytes(store.rows) // 2) > 0
    assert 300 < store.counts().observations < 500


def scored(store: Store) -> set[str]:
    """The ids of the scores that are left."""
    return {row["id"] for row in store.rows("SELECT id FROM scores")}


def test_scores_go_with_their_trace(store: Store) -> None:
    """A trace takes its scores and its observations' with it, however young; others stay."""
    store.save([ROOT, CHAT, again(ROOT, 1)])
    kept = again(ROOT, 1).trace_id
    scores = Scores(store)
    for score_id, subject in {
        "trace": {"traceId": ROOT.trace_id},
        "observation": {"traceId": ROOT.trace_id, "observationId": CHAT.id},
        "kept": {"traceId": kept},
        "session": {"sessionId": ROOT.session_id},
        "unknown": {"traceId": "f" * 32},
    }.items():
        scores.save({"id": score_id, "name": "n", "value": 1, **subject})
    store.write("UPDATE spans SET received = 1 WHERE trace = :id", {"id": ROOT_ID})
    assert store.prune(before=2) == 2
    assert scored(store) == {"kept", "session", "unknown"}
    assert [row["id"] for row in scores.of_trace(kept)] == ["kept"]


def test_scores_go_with_a_trace_whose_id_is_no_hex(store: Store) -> None:
    """Any text is an id, and scores name it as it was sent."""
    store.save([changed(ROOT, trace_id="My Trace")])
    Scores(store).save({"id": "one", "name": "n", "value": 1, "traceId": "My Trace"})
    Scores(store).save({"id": "two", "name": "n", "value": 1, "traceId": "my trace"})
    assert store._writer.remove(2**62, 500) == 1
    assert scored(store) == {"two"}


def test_scores_stay_while_a_part_of_their_trace_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace of more rows than one transaction removes keeps its scores until the last one."""
    short = statement("delete_oldest_spans").replace("5000", "1")
    monkeypatch.setattr(
        "langfuse_local.store.writer.statement",
        lambda name: short if name == "delete_oldest_spans" else statement(name),
    )
    store.save([ROOT, CHAT])
    Scores(store).save({"id": "one", "name": "n", "value": 1, "traceId": ROOT.trace_id})
    cutoff = 2**62
    assert store._writer.remove(cutoff, 500) == 1
    assert scored(store) == {"one"}
    assert store._writer.remove(cutoff, 500) == 1
    assert scored(store) == set()


def test_removes_scores_by_their_own_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By age, a score of a session, an experiment or an unknown trace goes when it is old itself.

    Many go in steps, so that a transaction stays short.
    """
    monkeypatch.setattr(pruning, "_ROWS_PER_STEP", 2)
    store.save([ROOT])
    subjects = ({"sessionId": "talk"}, {"datasetRunId": "run"}, {"traceId": "f" * 32})
    for number, moment in enumerate(("2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z")):
        for place, subject in enumerate(subjects):
            score = {"id": f"{number}{place}", "name": "n", "value": 1, "timestamp": moment}
            Scores(store).save({**score, **subject})
    assert store.prune(before=from_iso("2026-11-20T00:00:00Z")) == 0
    assert scored(store) == {"10", "11", "12"}


def test_a_sessions_scores_may_outlive_it_by_age(store: Store) -> None:
    """Where age decides, a session's score stays for its own time, though no span is left."""
    store.save([ROOT])
    score = {"id": "late", "name": "n", "value": 1, "sessionId": ROOT.session_id}
    Scores(store).save({**score, "timestamp": "2999-01-01T00:00:00Z"})
    assert store.prune(before=from_iso("2998-01-01T00:00:00Z")) == 1
    assert store.session(ROOT.session_id) is None
    assert scored(store) == {"late"}


def test_removes_the_scores_of_sessions_that_are_gone_by_size(store: Store) -> None:
    """Where size alone bounds the file, a session's scores go with its last trace."""
    for number in range(30):
        store.save([again(ROOT, number, input=NOISE + str(number), session_id=str(number))])
        body = {"id": str(number), "name": "n", "value": 1, "sessionId": str(number)}
        Scores(store).save(body)
    assert store.prune(max_bytes=pruning.used_bytes(store.rows) // 2) > 0
    assert scored(store) == {session.id for session in store.sessions(limit=1000)}


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
    pruning.remove_unused_strings(writer, read)  # type: ignore[arg-type]  # as above
    assert store.observations([], limit=5)[0].observation.session_id == "returns"


def test_leaves_the_texts_of_a_file_that_took_its_place(store: Store) -> None:
    """Ids looked up in a file that was moved away mean other texts in the one after it."""
    store.save([ROOT])
    store._writer.run(lambda: store._writer.connection.execute("DELETE FROM spans"))

    def read(query: str) -> list[object]:
        rows = store.rows(query)
        if "UNION" in query:
            store.path.unlink()
            store.save([ROOT])
        return rows  # type: ignore[return-value]  # rows of SQLite

    pruning.remove_unused_strings(store._writer, read)  # type: ignore[arg-type]  # as above
    assert store.observations([], limit=5)[0].observation.session_id == ROOT.session_id


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
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + 30
        while pruning.used_bytes(store.rows) > 1024**2 and time.monotonic() < deadline:
            pass
    assert errors == []
    assert pruning.used_bytes(store.rows) <= 1024**2
    counts = store.counts()
    assert 0 < counts.observations < 240
    assert counts.traces == counts.observations


def test_keeps_everything_unless_told(store: Store) -> None:
    """Without a setting there is no thread at all."""
    before = threading.active_count()
    with Retention(store, Settings.model_construct()):
        assert threading.active_count() == before
