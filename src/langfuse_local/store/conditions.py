"""SQL conditions over `spans AS s`, with their values, that select observations.

Values are always parameters. Interned columns are compared by id, so that a condition on
a session or a user is one look-up in its index, however large the file is.
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
    """An id column holds one of these ids; an empty one matches a column without an id."""
    keys = tuple(key_of(text) for text in wanted if text)
    sql = f"s.{column} IN ({', '.join('?' * len(keys))})"
    return Condition(sql if all(wanted) else f"({sql} OR s.{column} IS NULL)", keys)


def every(conditions: Sequence[str]) -> str:
    """All of these SQL conditions, or true if there are none.

    It splits them into halves: SQLite refuses an expression that is nested more than 1000 deep, as
    that many ANDs in a row are.
    """
    if len(conditions) < 2:  # noqa: PLR2004 - halves
        return conditions[0] if conditions else "1"
    half = len(conditions) // 2
    return f"({every(conditions[:half])} AND {every(conditions[half:])})"


def root_is(*, root: bool) -> Condition:
    """The row is its trace's root, or is not."""
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
