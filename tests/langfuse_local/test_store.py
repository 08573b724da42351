"""The store keeps every observation once, finds it again, and stays small."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from mapped import key_values
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rows import CHAT, ROOT, SECOND, START, again, changed

from langfuse_local.mapping.spans import observations
from langfuse_local.store.conditions import Position, id_is, root_is, text_in
from langfuse_local.store.database import StoreError
from langfuse_local.store.sql import statement
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from langfuse_local.mapping.observation import Observation

TIME = {"sessions": "ended", "users": "ended", "traces": "started"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "data" / "langfuse.db")) as opened:
        yield opened


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
    store.save([changed(ROOT, name="corrected")])
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
    unpriced = again(CHAT, 7, id="00" * 8, cost=None, model="unheard-of", level="ERROR")
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
    store.save([changed(CHAT, cost=None, model="unheard-of")])
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
    store.save([ROOT, changed(CHAT, session_id=None, user_id=None, trace_name=None, tags=None)])
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
            f"EXPLAIN QUERY PLAN SELECT sent FROM spans AS s WHERE {condition.sql}",
            condition.values,
        )
        assert f"spans_by_{column}" in "".join(row["detail"] for row in plan)


@pytest.mark.parametrize("kind", ["sessions", "users", "traces"])
def test_lists_without_reading_everything(store: Store, kind: str) -> None:
    """A page of a list is found through an index, however much there is."""
    with store._readers.connection() as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {statement(kind, order=TIME[kind], where='1')}",
            {"limit": 50, "offset": 0},
        )
        details = [row["detail"] for row in plan]
    assert any(f"USING COVERING INDEX {kind}_by" in detail for detail in details)
    assert not any("TEMP B-TREE" in detail for detail in details)


def test_moves_groups_with_their_rows(store: Store) -> None:
    """A session that is sent again as another leaves no empty group, nor a wrong order."""
    store.save([ROOT, again(ROOT, 5, session_id="later")])
    store.save([again(ROOT, 5, session_id="later", start_time=START - SECOND, end_time=START)])
    assert [group.id for group in store.sessions()] == ["talk", "later"]
    store.save([changed(ROOT, session_id="later", user_id="bob")])
    assert [group.id for group in store.sessions()] == ["later"]
    assert {group.id for group in store.users()} == {"ann", "bob"}


def test_takes_a_span_many_times_at_once(store: Store) -> None:
    """One request may hold the same span again and again, each time elsewhere: the last counts."""
    moved = [again(ROOT, number, trace_id=ROOT.trace_id) for number in range(5)]
    store.save([*moved, *(changed(each, session_id="last") for each in moved)])
    assert [each.id for each in store.sessions()] == ["last"]
    assert store.counts().observations == 1


def test_outlines_a_trace(store: Store) -> None:
    """The tree of a trace without its content: what is where, how long, at what cost."""
    store.save([ROOT, changed(CHAT, session_id=None)])
    root, chat = store.outline(ROOT.trace_id)
    assert (root.id, root.parent_id, root.type, root.is_root) == (ROOT.id, None, "AGENT", True)
    assert (root.start, root.end) == (START // 1000, (START + SECOND) // 1000)
    assert (root.cost, root.is_cost_unknown, root.has_session) == (None, False, True)
    assert (chat.parent_id, chat.name, chat.input_tokens) == (ROOT.id, "chat", 120)
    assert (chat.cost, chat.has_session, chat.has_user) == (0.75, False, True)
    assert store.outline("f" * 32) == []


def test_finds_one_observation(store: Store) -> None:
    """One span of a trace is read alone."""
    store.save([ROOT, CHAT])
    stored = store.observation(CHAT.trace_id, CHAT.id)
    assert stored is not None
    assert stored.observation == CHAT
    assert store.observation(CHAT.trace_id, "f" * 16) is None


def test_keeps_what_was_sent(store: Store) -> None:
    """Attributes with their types, events, links, and where the span is from come back as sent."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://example.org/1")
    resource_spans.resource.attributes.extend(key_values({"service.name": "agent", "n": 1}))
    scope_spans = resource_spans.scope_spans.add(schema_url="https://example.org/2")
    scope_spans.scope.attributes.extend(key_values({"k": [True, 2.5, b"\x00"]}))
    span = scope_spans.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="work", kind=3)
    span.trace_state, span.dropped_attributes_count = "a=b", 7
    span.attributes.extend(key_values({"a": {"b": None}, "c": [], "d": "text", "e": -1}))
    span.events.add(name="retried", time_unix_nano=5).attributes.extend(key_values({"n": 2}))
    span.links.add(trace_id=b"u" * 16, span_id=b"v" * 8).attributes.extend(key_values({"l": "m"}))
    before = ExportTraceServiceRequest.FromString(request.SerializeToString())
    store.save(observations(request))
    (row,) = (stored.observation for stored in store.observations([], limit=1))
    sent = before.resource_spans[0]
    assert row.origin.resource.message.resource == sent.resource
    assert row.origin.resource.message.schema_url == sent.schema_url
    assert row.origin.scope.message.scope == sent.scope_spans[0].scope
    assert row.origin.scope.message.schema_url == sent.scope_spans[0].schema_url
    kept = row.span
    kept.trace_id, kept.span_id = b"t" * 16, b"s" * 8
    assert kept == sent.scope_spans[0].spans[0]
