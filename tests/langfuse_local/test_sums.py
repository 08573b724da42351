"""The sums that charts are drawn of agree with the rows, whatever happens to the rows."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from rows import CHAT, ROOT, SECOND, START, again, changed
from tables import contents, rebuilt

from langfuse_local.api.scores import Scores
from langfuse_local.store.store import Store
from langfuse_local.store.sums import DIMENSIONS, HOUR, Feedback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from langfuse_local.mapping.observation import Observation
    from langfuse_local.store.sums import Dimension

HOUR_START = START // 1000 // HOUR * HOUR
DAY_START = HOUR_START // (24 * HOUR) * (24 * HOUR)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with closing(Store(tmp_path / "langfuse.db")) as opened:
        yield opened


def test_sums_by_user(store: Store) -> None:
    """Turns, tokens, cost and outcomes of each user, the most expensive first, nobody's too."""
    store.save(
        [
            changed(ROOT, outcome="answered"),
            CHAT,
            again(ROOT, 1, user_id="bob", outcome="denied", level="ERROR"),
            again(ROOT, 2, user_id="bob", outcome="denied"),
            again(CHAT, 3, user_id=None, cost={"total": 2.5}),
            again(CHAT, 4, user_id="bob", cost=None, model="unheard-of"),
        ]
    )
    nobody, ann, bob = store.sums.by("user")
    assert (nobody.value, nobody.cost, nobody.turns) == (None, 2.5, 0)
    assert (ann.value, ann.cost, ann.turns, ann.observations) == ("ann", 0.75, 1, 2)
    assert (ann.input_tokens, ann.output_tokens, ann.errors) == (120, 30, 0)
    assert ann.outcomes == {"answered": 1}
    assert (bob.cost, bob.unknown_costs, bob.errors, bob.outcomes) == (None, 1, 1, {"denied": 2})
    assert [each.value for each in store.sums.by("user", outcome="denied")] == ["bob"]
    assert [each.value for each in store.sums.by("user", limit=1)] == [None]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_sums_by_each_dimension(store: Store, dimension: Dimension) -> None:
    """Each dimension's values are its own, and its sums add up to all rows."""
    store.save([changed(CHAT, tier="team", outcome="answered"), again(CHAT, 1, version="2")])
    values = {
        "user": {"ann"},
        "version": {"local", "2"},
        "model": {"order-model"},
        "tenant_tier": {"team", None},
        "region": {None},
        "workflow": {None},
    }
    sums = store.sums.by(dimension)
    assert {each.value for each in sums} == values[dimension]
    assert sum(each.observations for each in sums) == 2


def test_sums_by_time(store: Store) -> None:
    """Hours and days in order, from whole hours on, of one value and one environment if asked."""
    hours = [
        changed(CHAT, trace_id=f"{n:032x}", start_time=START + n * 3600 * SECOND) for n in range(30)
    ]
    store.save([*hours, again(CHAT, 99, user_id="bob", environment="production")])
    days = store.sums.by("user", per="day", value="ann")
    assert [each.started for each in days][:2] == [DAY_START, DAY_START + 24 * HOUR]
    assert sum(each.observations for each in days) == 30
    begun = store.sums.by("user", per="hour", since=HOUR_START + 5, until=HOUR_START + 2 * HOUR)
    assert [(each.value, each.started) for each in begun] == [
        ("ann", HOUR_START),
        ("bob", HOUR_START),
        ("ann", HOUR_START + HOUR),
    ]
    (bob,) = store.sums.by("user", environment="production")
    assert (bob.value, bob.started, bob.observations) == ("bob", 0, 1)


def test_feedback_by_dimension(store: Store) -> None:
    """Thumbs on traces and sessions count for the user and tier of what they are about."""
    store.save([changed(ROOT, tier="team"), again(ROOT, 1, user_id="bob", session_id="other")])
    scores = Scores(store)
    for number, (subject, value) in enumerate(
        [
            ({"traceId": ROOT.trace_id}, 0),
            ({"sessionId": "talk"}, 0),
            ({"sessionId": "other"}, 1),
            ({"traceId": "f" * 32}, 0),
        ]
    ):
        scores.save({"id": str(number), "name": "thumb", "value": value, **subject})
    scores.save({"id": "text", "name": "note", "value": "fine", "sessionId": "talk"})
    assert store.sums.feedback("user") == [Feedback("ann", 0, 2), Feedback("bob", 1, 0)]
    assert store.sums.feedback("tenant_tier") == [Feedback("team", 0, 2), Feedback(None, 1, 0)]
    assert store.sums.feedback("user", until=1) == []


@pytest.mark.parametrize("order", ["turns", "observations", "errors", "tokens", "cost"])
def test_lists_by_a_number(store: Store, order: Any) -> None:
    """Sessions, users and traces by each number, the largest first, page by page."""
    rows = [again(CHAT, 10, id="1" * 16, user_id="small", session_id="small", cost={"total": 0.1})]
    for number, name in enumerate(("middle", "big"), start=1):
        many = {"user_id": name, "session_id": name, "trace_id": f"{number:032x}"}
        rows += [
            again(
                CHAT, 0, id=f"{n:016x}", level="ERROR", parent_id=None, cost={"total": 1.0}, **many
            )
            for n in range(1, number + 2)
        ]
    store.save(rows)
    for groups in (store.sessions(order=order), store.users(order=order)):
        assert [group.id for group in groups] == ["big", "middle", "small"]
    assert store.sessions(order=order, limit=1, offset=1)[0].id == "middle"
    assert [trace.totals.observations for trace in store.traces(order=order)] == [3, 2, 1]


@pytest.mark.parametrize("seed", range(5))
def test_agree_with_the_rows_whatever_happens(store: Store, seed: int) -> None:
    """Spans that are new, repeated, corrected, moved or pruned: the sums are those of the rest."""
    chance = random.Random(seed)

    def some() -> Observation:
        row = chance.choice([ROOT, CHAT])
        return changed(
            row,
            trace_id=f"{chance.randrange(1, 6):032x}",
            start_time=row.start_time + chance.randrange(10) * 1800 * SECOND,
            end_time=row.end_time + chance.randrange(10) * 1800 * SECOND,
            user_id=chance.choice(["ann", "bob", None]),
            session_id=chance.choice(["talk", "other", None]),
            tier=chance.choice(["team", "free", None]),
            outcome=chance.choice(["denied", None]),
            cost=chance.choice([{"total": chance.random()}, None]),
            model=chance.choice(["order-model", "unheard-of"]),
            level=chance.choice(["ERROR", "DEFAULT"]),
        )

    for _ in range(30):
        store.save([some() for _ in range(chance.randrange(1, 8))])
        if chance.random() < 0.2:
            oldest = store.rows("SELECT received FROM spans ORDER BY id LIMIT 1")[0][0]
            store.prune(before=oldest + chance.randrange(2))
    assert contents(store) == rebuilt(store)
    store.prune(before=2**62)
    assert not any(contents(store).values())


def test_are_made_again_after_another_program_wrote(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows that were deleted behind the backend's back are out of the sums when it starts again."""
    path = tmp_path / "langfuse.db"
    with closing(Store(path)) as store:
        store.save([ROOT, CHAT, *(again(CHAT, n, user_id=f"user {n}") for n in range(1, 5))])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM spans WHERE id IN (2, 4)")
    with closing(Store(path)) as store:
        assert store.counts().observations == 4
        assert contents(store) == rebuilt(store)
    assert "did not agree with its rows" in caplog.text
