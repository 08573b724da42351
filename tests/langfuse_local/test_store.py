"""The store keeps every observation once, finds it again, and stays small."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from langfuse_local.mapping.observation import Observation, Origin
from langfuse_local.store.conditions import Position, id_is, root_is, text_in
from langfuse_local.store.database import StoreError
from langfuse_local.store.sql import statement
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND = 1_000_000_000
START = 1_795_168_800 * SECOND
ROOT = Observation(
    id="23f282f106e84e3d",
    trace_id="adf273bd2c7c5f4b1209d1b1c524a9c8",
    parent_id=None,
    type="AGENT",
    name="invoke_agent",
    start_time=START,
    end_time=START + SECOND,
    completion_start_time=None,
    level="DEFAULT",
    status_message="",
    version="local",
    release="",
    environment="development",
    public=False,
    is_app_root=False,
    user_id="ann",
    session_id="talk",
    trace_name="turn",
    tags=("a", "b,c"),
    model="",
    model_parameters="{}",
    usage={},
    cost={},
    prompt_name="",
    prompt_version=None,
    input="Where is it?",
    output="In transit",
    own_metadata={"n": "1"},
    origin=Origin({"scope.name": "demo", "resourceAttributes.service.name": "agent"}),
)
CHAT = ROOT._replace(
    id="5019de6793baf083",
    parent_id=ROOT.id,
    type="GENERATION",
    name="chat",
    start_time=START + SECOND // 10,
    completion_start_time=START + SECOND // 5,
    model="order-model",
    model_parameters='{"temperature":0}',
    usage={"input": 120, "output": 30, "total": 150},
    cost={"input": 0.25, "output": 0.5, "total": 0.75},
    prompt_name="answer",
    prompt_version=3,
    input=None,
    output=None,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "data" / "langfuse.db")) as opened:
        yield opened


def again(observation: Observation, number: int, **changes: object) -> Observation:
    """The same observation in another trace, some seconds later."""
    moved = {
        "trace_id": f"{number:032x}",
        "start_time": observation.start_time + number * SECOND,
        "end_time": observation.end_time + number * SECOND,
    }
    return observation._replace(**{**moved, **changes})  # type: ignore[arg-type]  # any field may change


def test_gives_back_what_it_was_given(store: Store) -> None:
    """Every field of an observation survives the file."""
    store.save([ROOT, CHAT])
    assert [stored.observation for stored in store.observations_of_trace(ROOT.trace_id)] == [
        ROOT,
        CHAT,
    ]


def test_reads_what_rows_share_once(store: Store) -> None:
    """However many rows are of one resource, which may be large, it is in memory once."""
    store.save([ROOT, again(ROOT, 1)])
    first, second = (each.observation for each in store.observations([], limit=2))
    assert first.origin is second.origin


def test_keeps_one_row_for_a_span_sent_twice(store: Store) -> None:
    """A retry counts once, and a corrected span replaces the first."""
    store.save([ROOT, ROOT])
    store.save([ROOT._replace(name="corrected")])
    rows = store.observations([], limit=10)
    assert [row.observation.name for row in rows] == ["corrected"]


def test_stores_all_or_nothing(store: Store) -> None:
    """When one observation cannot be stored, none is, and the next save works."""
    unusable = CHAT._replace(status_message="\ud800")
    with pytest.raises(UnicodeEncodeError):
        store.save([ROOT, unusable])
    assert store.counts().observations == 0
    store.save([ROOT, CHAT])
    assert store.observations([text_in("name", ["chat"])], limit=5)[0].observation == CHAT


def test_pages_newest_first_without_gap_or_repeat(store: Store) -> None:
    """Reading page by page gives every row once, in one order, ties included."""
    store.save(
        [again(ROOT, n // 2, id=f"{n:016x}", trace_id=f"{n % 3:032x}") for n in range(1, 20)]
    )
    everything = [row.observation for row in store.observations([], limit=100)]
    order = [(each.start_time, each.trace_id, each.id) for each in everything]
    assert order == sorted(order, reverse=True)
    paged: list[Observation] = []
    position = None
    while page := store.observations([], limit=3, position=position):
        paged += [row.observation for row in page]
        position = Position(paged[-1].start_time // 1000, paged[-1].trace_id, paged[-1].id)
    assert paged == everything


def test_finds_by_what_is_asked(store: Store) -> None:
    """Conditions narrow the list together; an id that nobody sent matches nothing."""
    store.save([ROOT, CHAT, again(ROOT, 1, user_id="bob")])
    conditions = [text_in("user", ["ann", "eve"]), root_is(root=False)]
    assert [stored.observation for stored in store.observations(conditions, limit=5)] == [CHAT]
    assert store.observations([id_is("trace", ROOT.trace_id.upper())], limit=5) == []


def test_sums_a_session(store: Store) -> None:
    """A session shows its first question, last answer, sums and calls of unknown cost."""
    unpriced = again(CHAT, 7, id="00" * 8, cost={}, level="ERROR")
    store.save([ROOT, CHAT, again(ROOT, 7, input="And now?", output="Tomorrow"), unpriced])
    (session,) = store.sessions()
    assert session == store.session("talk")
    assert [session] == store.sessions(user="ann")
    assert (session.id, session.traces, session.totals.observations) == ("talk", 2, 4)
    assert (session.first_question, session.last_answer) == ("Where is it?", "Tomorrow")
    assert (session.users, session.environments) == (("ann",), ("development",))
    assert (session.totals.input_tokens, session.totals.output_tokens) == (240, 60)
    assert (session.totals.cost, session.totals.unknown_costs, session.totals.errors) == (
        0.75,
        1,
        1,
    )
    assert session.totals.duration == 8_000_000


def test_never_shows_an_unknown_cost_as_nothing(store: Store) -> None:
    """Where no cost is known, the sum is None."""
    store.save([CHAT._replace(cost={})])
    (session,) = store.sessions()
    assert (session.totals.cost, session.totals.unknown_costs) == (None, 1)


def test_lists_what_has_no_user_last(store: Store) -> None:
    """Unattributed spend is visible on the Users page."""
    store.save([ROOT, again(CHAT, 9, user_id="")])
    assert [user.id for user in store.users()] == ["ann", None]
    assert store.users()[1].totals.cost == 0.75
    assert store.users(limit=1)[0] == store.user("ann")


def test_describes_a_trace(store: Store) -> None:
    """A trace takes its name, user and tags from its spans and tells which spans lack them."""
    store.save([ROOT, CHAT._replace(session_id="", user_id="", trace_name=None, tags=())])
    trace = store.trace(ROOT.trace_id)
    assert trace is not None
    assert (trace.name, trace.session, trace.user) == ("turn", "talk", "ann")
    assert (trace.tags, trace.input, trace.output) == (("a", "b,c"), "Where is it?", "In transit")
    assert (trace.totals.observations, trace.with_session, trace.with_user) == (2, 1, 1)
    assert [trace] == store.traces() == store.traces(session="talk") == store.traces(user="ann")


def test_knows_what_it_does_not_have(store: Store) -> None:
    """Unknown ids give None and not an error."""
    assert (store.session("x"), store.user("x"), store.trace("x")) == (None, None, None)
    assert store.trace("00" * 16) is None
    assert (store.sessions(), store.users(), store.traces()) == ([], [], [])


def test_survives_a_restart(tmp_path: Path) -> None:
    """A store opened on an existing file has its data."""
    for _ in range(2):
        with closing(Store(tmp_path / "langfuse.db")) as store:
            store.save([ROOT])
            assert store.counts().observations == 1


def test_is_private(tmp_path: Path) -> None:
    """Only the owner may read what users typed."""
    with closing(Store(tmp_path / "data" / "langfuse.db")) as store:
        store.save([ROOT])
        files = list((tmp_path / "data").iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("version", [4, 99])
def test_refuses_a_file_of_another_format(tmp_path: Path, version: int) -> None:
    """A file of any other version is left alone, with a sentence that says what to do."""
    path = tmp_path / "langfuse.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError, match=rf"has format {version}, .* LANGFUSE_LOCAL_DATA_DIR"):
        Store(path)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (version,)
        assert file.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A damaged file is one sentence, and is not touched."""
    path = tmp_path / "langfuse.db"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(path)
    assert path.read_bytes() == b"x" * 5000


@pytest.mark.parametrize("column", ["session", "user"])
def test_looks_up_sessions_and_users_by_index(store: Store, column: str) -> None:
    """One session's or user's rows are found without reading the others."""
    condition = text_in(column, ["talk"])
    with store._readers.connection() as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT details FROM spans AS s WHERE {condition.sql}",
            condition.values,
        )
        assert f"spans_by_{column}" in "".join(row["detail"] for row in plan)


@pytest.mark.parametrize("kind", ["sessions", "users", "traces"])
def test_lists_without_reading_everything(store: Store, kind: str) -> None:
    """A page of a list is found through an index, however much there is."""
    with store._readers.connection() as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {statement(kind)}", {"limit": 50, "offset": 0}
        )
        details = [row["detail"] for row in plan]
    assert any(f"USING COVERING INDEX {kind}_by" in detail for detail in details)
    assert not any("TEMP B-TREE" in detail for detail in details)


def test_moves_groups_with_their_rows(store: Store) -> None:
    """A session that is sent again as another leaves no empty group, nor a wrong order."""
    store.save([ROOT, again(ROOT, 5, session_id="later")])
    store.save([again(ROOT, 5, session_id="later", start_time=START - SECOND, end_time=START)])
    assert [group.id for group in store.sessions()] == ["talk", "later"]
    store.save([ROOT._replace(session_id="later", user_id="bob")])
    assert [group.id for group in store.sessions()] == ["later"]
    assert {group.id for group in store.users()} == {"ann", "bob"}


def test_takes_a_span_many_times_at_once(store: Store) -> None:
    """One request may hold the same span again and again, each time elsewhere: the last counts."""
    moved = [again(ROOT, number, trace_id=ROOT.trace_id) for number in range(5)]
    store.save([*moved, *(each._replace(session_id="last") for each in moved)])
    assert [each.id for each in store.sessions()] == ["last"]
    assert store.counts().observations == 1
