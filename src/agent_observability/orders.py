"""The order book: SQLite, seeded from `data/orders.json` the first time it is opened."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

__all__ = ["Order", "OrderBook"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its owner may see it; dates are ISO 8601."""

    reference: str
    status: str
    region: str
    expected_on: str
    reason: str


class OrderBook:
    """Orders by owner. Each call opens its own connection, so any thread may call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS orders"
                " (reference TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL,"
                " region TEXT NOT NULL, expected_on TEXT NOT NULL, reason TEXT NOT NULL)"
            )
            connection.executemany(
                "INSERT OR IGNORE INTO orders VALUES"
                " (:reference, :owner, :status, :region, :expected_on, :reason)",
                json.loads(resources.files(__package__).joinpath("data/orders.json").read_text()),
            )

    def is_owned(self, owner: str, reference: str) -> bool:
        """Tell whether the reference is one of the owner's orders."""
        return self._row(owner, reference) is not None

    def find(self, owner: str, reference: str) -> Order:
        """Return the owner's order of that reference.

        Raises:
            LookupError: The owner has no such order.
        """
        row = self._row(owner, reference)
        if row is None:
            raise LookupError("The owner has no such order.")
        return Order(*row)

    def _row(self, owner: str, reference: str) -> tuple[str, ...] | None:
        with closing(sqlite3.connect(self._path)) as connection:
            row: tuple[str, ...] | None = connection.execute(
                "SELECT reference, status, region, expected_on, reason FROM orders"
                " WHERE owner = ? AND reference = ?",
                (owner, reference),
            ).fetchone()
        return row
