"""Selects sessions, users or traces by what their spans carry, without reading the spans.

The table `members` says which values the spans of a group have. A value that few groups have leads
to them; one that many have is looked up for each group of the list until the page is full. Either
way a page takes about as long at a million spans as at ten thousand.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Read = Callable[[str, dict[str, object]], list[sqlite3.Row]]

__all__ = ["EVERYTHING", "KINDS", "Selection", "conditions"]

Kind = Literal["session", "user", "trace"]

KINDS: Final[tuple[Kind, ...]] = ("session", "user", "trace")
"""The number of a kind in `members` is its place here; a dimension's is its place in Selection."""
_FEW: Final = 2000


@dataclass(frozen=True, slots=True)
class Selection:
    """What the spans of a group must carry: for each value that is set, at least one of them.

    Attributes:
        level: Such as `ERROR`.
        since: Microseconds since the epoch: traces that began, sessions and users that were last
            active, then or later.
        until: Likewise, before then.
    """

    environment: str | None = None
    version: str | None = None
    level: str | None = None
    tag: str | None = None
    tenant_tier: str | None = None
    region: str | None = None
    workflow: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None


EVERYTHING: Final = Selection()
_DIMENSIONS: Final = tuple(each.name for each in fields(Selection))[:-2]
_TIME: Final[dict[Kind, str]] = {"session": "ended", "user": "ended", "trace": "started"}
_OF: Final = (
    "kind = {kind} AND dimension = {dimension}"
    " AND value = (SELECT id FROM strings WHERE value = :{name})"
)


def conditions(read: Read, kind: Kind, selection: Selection) -> tuple[str, dict[str, object], bool]:
    """Return SQL that holds for the selected groups, its values, and whether they are few."""
    values = {each.name: getattr(selection, each.name) for each in fields(Selection)}
    names = [name for name in _DIMENSIONS if values[name] is not None]
    counts = {name: _count(read, kind, name, values) for name in names}
    rarest = min(counts, key=lambda name: counts[name], default=None)
    is_few = rarest is not None and counts[rarest] < _FEW
    sql = [_is_member(kind, name, leads=is_few and name == rarest) for name in names]
    if selection.since is not None:
        sql.append(f"{_TIME[kind]} >= :since")
    if selection.until is not None:
        sql.append(f"{_TIME[kind]} < :until")
    return " AND ".join(sql) or "1", values, is_few


def _count(read: Read, kind: Kind, name: str, values: dict[str, object]) -> int:
    """Count the groups that have the value, up to a few."""
    found = f"SELECT 1 FROM members WHERE {_of(kind, name)} LIMIT {_FEW}"  # noqa: S608 - from tables
    return int(read(f"SELECT count(*) FROM ({found})", values)[0][0])  # noqa: S608 - as above


def _is_member(kind: Kind, name: str, *, leads: bool) -> str:
    members = f"FROM members WHERE {_of(kind, name)}"
    if leads:
        return f"{kind}s.id IN (SELECT member {members})"
    return f"EXISTS (SELECT 1 {members} AND member = {kind}s.id)"


def _of(kind: Kind, name: str) -> str:
    return _OF.format(kind=KINDS.index(kind), dimension=_DIMENSIONS.index(name), name=name)
