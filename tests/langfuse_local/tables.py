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
    text = "(SELECT value FROM strings WHERE id = {0}.{1})"
    names = {"sessions": ["id"], "users": ["id"], "sums": ["value", "environment", "outcome"]}
    amounts = (
        "turns, observations, errors, input_tokens, output_tokens, cost, priced, unknown_costs"
    )
    tables = {}
    for table, time in (
        ("sessions", "ended"),
        ("users", "ended"),
        ("traces", "started"),
        ("sums", "hour, dimension"),
    ):
        columns = [text.format(table, name) for name in names.get(table, ())] or ["hex(id)"]
        query = f"SELECT {', '.join(columns)}, {time}, {amounts} FROM {table}"
        tables[table] = sorted((tuple(row) for row in store.rows(query)), key=repr)
    return tables
