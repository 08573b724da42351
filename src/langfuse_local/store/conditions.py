"""Which observations a reader asks for: SQL conditions over `spans AS s` with their values.

Values only ever travel as parameters. Interned columns are compared by id, so that a condition on
a session or a user is one look-up in its index whatever else the file holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ids import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PARENTLESS",
    "Condition",
    "Position",
    "after",
    "every",
    "id_in",
    "id_is",
    "root_is",
    "since",
    "text_in",
    "until",
]


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean SQL expression and the values of its question marks."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """A row's place in the order that lists use: newest start, then trace id, then span id."""

    start: int
    trace_id: str
    id: str


PARENTLESS = Condition("s.parent IS NULL")
_ID = "SELECT id FROM strings WHERE value"


def text_in(column: str, values: Sequence[str]) -> Condition:
    """An interned column holds one of these texts; the column's name must be a literal."""
    if len(values) == 1:  # With `=`, an index on the column gives the order of time as well.
        return Condition(f"s.{column} = ({_ID} = ?)", tuple(values))
    marks = ", ".join("?" * len(values))
    return Condition(f"s.{column} IN ({_ID} IN ({marks}))", tuple(values))


def id_is(column: str, wanted: str) -> Condition:
    """An id column holds this id."""
    return Condition(f"s.{column} = ?", (key_of(wanted),))


def id_in(column: str, wanted: Sequence[str]) -> Condition:
    """An id column holds one of these ids; the empty one is that of a column without any."""
    keys = tuple(key_of(one) for one in wanted if one)
    held = f"s.{column} IN ({', '.join('?' * len(keys))})"
    return Condition(held if all(wanted) else f"({held} OR s.{column} IS NULL)", keys)


def every(conditions: Sequence[str]) -> str:
    """All of these SQL conditions, true without any.

    In halves of halves: SQLite refuses an expression that is more than 1000 deep, as a row of that
    many ANDs is.
    """
    if len(conditions) < 2:  # noqa: PLR2004 - halves
        return conditions[0] if conditions else "1"
    half = len(conditions) // 2
    return f"({every(conditions[:half])} AND {every(conditions[half:])})"


def root_is(*, root: bool) -> Condition:
    """The row stands for its trace, or does not."""
    return Condition("s.root = ?", (root,))


def since(start: int) -> Condition:
    """Started at this moment or later."""
    return Condition("s.start >= ?", (start,))


def until(start: int) -> Condition:
    """Started before this moment."""
    return Condition("s.start < ?", (start,))


def after(position: Position) -> Condition:
    """Comes after this row in the order of lists."""
    ids = key_of(position.trace_id), key_of(position.id)
    return Condition("(s.start, s.trace, s.span) < (?, ?, ?)", (position.start, *ids))
