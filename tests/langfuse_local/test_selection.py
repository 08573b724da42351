"""Lists of sessions, users and traces by what their spans carry."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from rows import CHAT, ROOT, SECOND, START, again

from langfuse_local.store import selection
from langfuse_local.store.selection import Selection
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES: dict[str, list[Any]] = {
    "environment": ["development", "production"],
    "version": ["1", "2", None],
    "level": ["DEFAULT", "ERROR"],
    "tier": ["free", "team", None],
    "outcome": ["answered", "denied", None],
    "user_id": ["ann", "bob"],
    "session_id": ["talk", "chat", "other"],
}


@pytest.fixture(name="filled", scope="module")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of 200 spans with values by chance."""
    chance = random.Random(5)
    with closing(Store(tmp_path_factory.mktemp("selection") / "langfuse.db")) as store:
        store.save(
            again(
                chance.choice([ROOT, CHAT]),
                number,
                trace_id=f"{number // 3:032x}",
                id=f"{number:016x}",
                tags=chance.choice([["a"], ["a", "b,c"], None]),
                **{name: chance.choice(values) for name, values in VALUES.items()},
            )
            for number in range(1, 200)
        )
        yield store


@pytest.mark.parametrize("few", [0, 2000])
@pytest.mark.parametrize(
    "where",
    [
        {"environment": "production"},
        {"level": "ERROR", "version": "2"},
        {"tag": "b,c", "tenant_tier": "team"},
        {"outcome": "denied", "environment": "development", "level": "DEFAULT"},
        {"version": "unheard of"},
        {"region": "eu"},
        {"since": (START + 100 * SECOND) // 1000, "tag": "a"},
        {"until": (START + 100 * SECOND) // 1000},
    ],
    ids=str,
)
def test_selects_what_has_every_value(
    filled: Store, monkeypatch: pytest.MonkeyPatch, where: dict[str, Any], few: int
) -> None:
    """The same groups as a look at every span finds, whether few have the value or many."""
    monkeypatch.setattr(selection, "_FEW", few)
    wanted = Selection(**where)
    rows = [stored.observation for stored in filled.observations([], limit=1000)]
    lists: tuple[tuple[str, Any], ...] = (
        ("trace_id", filled.traces),
        ("session_id", filled.sessions),
        ("user_id", filled.users),
    )
    for name, groups_of in lists:
        groups = groups_of(limit=1000, where=wanted)
        assert {group.id for group in groups} == matching(rows, name, wanted)
        times = [
            group.totals.started if name == "trace_id" else group.totals.ended for group in groups
        ]
        assert times == sorted(times, reverse=True)


def matching(rows: list[Any], name: str, wanted: Selection) -> set[str]:
    """The groups of which some span has each value."""
    held: dict[str, set[tuple[str, str | None]]] = {}
    times: dict[str, list[int]] = {}
    for row in rows:
        pairs = {("environment", row.environment), ("version", row.version), ("level", row.level)}
        pairs |= {("tag", tag) for tag in row.tags}
        pairs |= {(key, row.metadata.get(key)) for key in ("tenant_tier", "outcome", "region")}
        held.setdefault(getattr(row, name), set()).update(pairs)
        time = row.start_time if name == "trace_id" else row.end_time
        times.setdefault(getattr(row, name), []).append(time // 1000)
    needed = {
        (key, getattr(wanted, key)) for key in Selection.__slots__[:-2] if getattr(wanted, key)
    }
    moment = min if name == "trace_id" else max
    return {
        group
        for group, pairs in held.items()
        if needed <= pairs
        and (wanted.since is None or moment(times[group]) >= wanted.since)
        and (wanted.until is None or moment(times[group]) < wanted.until)
    }


def test_pages_and_orders_a_selection(filled: Store) -> None:
    """A selection has the pages and orders of the whole list."""
    where = Selection(environment="production")
    everything = filled.traces(limit=1000, where=where, order="cost")
    costs = [trace.totals.cost or 0 for trace in everything]
    assert costs == sorted(costs, reverse=True)
    page = filled.traces(limit=5, offset=5, where=where, order="cost")
    assert page == everything[5:10]
    mine = filled.traces(user="ann", limit=1000, where=where)
    assert 0 < len(mine) < len(everything)


def test_has_no_place_for_thousands_of_tags(tmp_path: Path) -> None:
    """Of a span with very many tags, or long ones, some can be selected by; all are kept."""
    tags = [str(number) for number in range(2000)] + ["x" * 5000]
    with closing(Store(tmp_path / "langfuse.db")) as store:
        store.save([again(ROOT, 1, tags=tags)])
        assert len(store.observations([], limit=1)[0].observation.tags) == 2001
        assert store.traces(where=Selection(tag="7"))
        assert not store.traces(where=Selection(tag="1999"))
        assert store.rows("SELECT count(*) FROM members")[0][0] < 200
