"""Keeps the sums in step with the rows: what a transaction adds, and what it takes away."""

from __future__ import annotations

from itertools import islice
from operator import add, neg
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import orjson

from ..mapping.details import FACETS
from .codec import amounts
from .selection import KINDS
from .sql import statement
from .sums import HOUR

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .codec import Amounts, Packed
    from .strings import Strings

__all__ = ["Tally"]

_K = TypeVar("_K")
_OBSERVATIONS: Final = 1  # their place in amounts
_MAX_TAGS: Final = 50
_MAX_TAG_LENGTH: Final = 200
_ROWS_AT_A_TIME: Final = 10_000
_GROUPS: Final = {"session": "end", "user": "end", "trace": "start"}


class _Key(NamedTuple):
    """What rows are summed up by; all but the trace and the hour are ids of `strings`."""

    trace: bytes | str
    session: int | None
    user: int | None
    version: int | None
    model: int | None
    environment: int
    facets: int
    level: int
    tags: int
    hour: int


class _Sum(NamedTuple):
    """The sums of rows, and the times that they lie between."""

    start: int
    end: int
    amounts: Amounts

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(
            min(self.start, other.start),
            max(self.end, other.end),
            tuple(map(add, self.amounts, other.amounts)),
        )


class Tally:
    """The sums that one connection writes."""

    def __init__(self, connection: sqlite3.Connection, strings: Strings) -> None:
        self._connection = connection
        self._strings = strings

    def update(
        self,
        rows: Sequence[Packed] = (),
        ids: Mapping[str | bytes | None, int | None] | None = None,
    ) -> None:
        """Add rows that were written, whose texts have these ids, and take away what is gone.

        Call it in the transaction of the rows.
        """
        sums = _joined(
            (
                *((_key(row, ids or {}), _Sum(row.start, row.end, row.amounts)) for row in rows),
                *self._withdrawn(),
            )
        )
        self._write(sums)

    def rebuild(self) -> None:
        """Make all sums again from the rows; call it in a transaction."""
        for table in ("sums", "members", *(f"{kind}s" for kind in _GROUPS)):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - from a literal
        rows = self._connection.execute(statement("summed_rows"))
        while portion := rows.fetchmany(_ROWS_AT_A_TIME):
            sums = _joined(map(_counted, portion))
            self._write(sums)

    def _withdrawn(self) -> Iterator[tuple[_Key, _Sum]]:
        """Read the rows that were replaced or removed, with their amounts negated."""
        rows = self._connection.execute(statement("withdrawn")).fetchall()
        if rows:
            self._connection.execute(statement("clear_withdrawn"))
        for key, each in map(_counted, rows):
            yield key, each._replace(amounts=tuple(map(neg, each.amounts)))

    def _write(self, sums: Mapping[_Key, _Sum]) -> None:
        self._write_groups(sums)
        self._write_sums(sums)
        self._write_members(sums)

    def _write_groups(self, sums: Mapping[_Key, _Sum]) -> None:
        for kind, bound in _GROUPS.items():
            groups = _joined((getattr(key, kind), each) for key, each in sums.items())
            rows = [
                (group, getattr(each, bound), *each.amounts)
                for group, each in groups.items()
                if group is not None
            ]
            self._connection.executemany(statement(f"upsert_{kind}"), rows)

    def _write_sums(self, sums: Mapping[_Key, _Sum]) -> None:
        cells = _joined((cell, each) for key, each in sums.items() for cell in self._cells(key))
        rows = [(*cell, *each.amounts) for cell, each in cells.items()]
        self._connection.executemany(statement("upsert_sum"), rows)
        shrunk = [cell for cell, each in cells.items() if each.amounts[_OBSERVATIONS] <= 0]
        self._connection.executemany(statement("drop_empty_sum"), shrunk)

    def _write_members(self, sums: Mapping[_Key, _Sum]) -> None:
        spans: dict[tuple[object, ...], int] = {}
        for key, each in sums.items():
            for place, kind in enumerate(KINDS):
                group = getattr(key, kind)
                for dimension, value in self._values(key) if group is not None else ():
                    member = (place, dimension, value, group)
                    spans[member] = spans.get(member, 0) + each.amounts[_OBSERVATIONS]
        rows = ((*member, count) for member, count in spans.items())
        self._connection.executemany(statement("upsert_member"), rows)
        shrunk = (member for member, count in spans.items() if count <= 0)
        self._connection.executemany(statement("drop_empty_member"), shrunk)

    def _values(self, key: _Key) -> Iterator[tuple[int, int]]:
        """The dimensions of `Selection` that a row has a value of, each with the value."""
        tier, region, workflow, outcome = self._facets(key.facets)
        values = [(0, key.environment), (1, key.version), (2, key.level)]
        values += [(3, tag) for tag in self._tags(key.tags)]
        values += [(4, tier), (5, region), (6, workflow), (7, outcome)]
        return ((dimension, value) for dimension, value in values if value is not None)

    def _cells(self, key: _Key) -> Iterator[tuple[int, ...]]:
        """The keys of the table `sums` that a row counts for, one in each dimension."""
        *facets, outcome = self._facets(key.facets)
        values = (key.user, key.version, key.model, *facets)
        for dimension, value in enumerate(values):
            yield dimension, key.hour, key.environment, value or 0, outcome or 0

    def _facets(self, facets: int) -> tuple[int | None, ...]:
        """The ids of the values of FACETS in a text of this id."""
        return self._parts(facets, lambda values: [values.get(name) for name in FACETS])

    def _tags(self, tags: int) -> Iterable[int | None]:
        """The ids of the tags in a text of this id."""
        return self._parts(tags, _distinct)

    def _parts(
        self, text_id: int, read: Callable[[Any], list[str | None]]
    ) -> tuple[int | None, ...]:
        if text_id not in self._strings.parts:
            (text,) = self._connection.execute(statement("string"), (text_id,)).fetchone()
            parts = read(orjson.loads(text))
            ids = self._strings.ids(parts)
            self._strings.parts[text_id] = tuple(ids[part] for part in parts)
        return self._strings.parts[text_id]


def _distinct(tags: list[str]) -> list[str | None]:
    """The tags that rows can be selected by: not every one of thousands, nor a long text."""
    short = dict.fromkeys(tag for tag in tags if len(tag) <= _MAX_TAG_LENGTH)
    return [*islice(short, _MAX_TAGS)]


def _key(row: Packed, ids: Mapping[str | bytes | None, int | None]) -> _Key:
    named = (ids[text] for text in row.named)
    return _Key._make((row.trace, *named, row.start // HOUR))


def _counted(row: Sequence[Any]) -> tuple[_Key, _Sum]:
    """Read a row of the statement `withdrawn`."""
    *named, start, end, is_root, is_error = row[:13]
    key = _Key._make((*named, start // HOUR))
    return key, _Sum(start, end, amounts(is_root, is_error, row[13:16], row[16]))


def _joined(sums: Iterable[tuple[_K, _Sum]]) -> dict[_K, _Sum]:
    joined: dict[_K, _Sum] = {}
    for key, each in sums:
        joined[key] = joined[key].plus(each) if key in joined else each
    return joined
