"""The tables of sums, and what they would be if they were made of the rows again."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from langfuse_local.store.store import Store


def rebuilt(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of sums as they would be, made of the rows from the beginning."""
    rows = [row.observation for row in store.observations([], limit=1_000_000)]
    with closing(Store(store.path.with_name("rebuilt.db"))) as other:
        other.save(rows)
        tables = contents(other)
    store.path.with_name("rebuilt.db").unlink()
    return tables


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of sums, with texts for ids."""
    return {
        table: sorted(
            (tuple(row) for row in store.rows(f"SELECT {columns} FROM {table}")), key=repr
        )
        for table, columns in _COLUMNS.items()
    }


def _text(column: str) -> str:
    return f"(SELECT value FROM strings WHERE id = {column})"


_AMOUNTS = "turns, observations, errors, input_tokens, output_tokens, cost, priced, unknown_costs"
_MEMBER = f"CASE kind WHEN 2 THEN hex(member) ELSE {_text('member')} END"
_COLUMNS = {
    "sessions": f"{_text('sessions.id')}, ended, {_AMOUNTS}",
    "users": f"{_text('users.id')}, ended, {_AMOUNTS}",
    "traces": f"hex(id), started, {_AMOUNTS}",
    "sums": "dimension, hour, "
    f"{_text('environment')}, {_text('sums.value')}, {_text('outcome')}, {_AMOUNTS}",
    "members": f"kind, dimension, {_text('members.value')}, {_MEMBER}, spans",
}
