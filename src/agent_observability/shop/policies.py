"""Delivery, delay and refund policies by region, ranked by SQLite's full-text index."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .database import Database, query

__all__ = ["Policy", "PolicyIndex"]

_LIMIT = 3
_MAX_WORDS = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy text, the region it holds for (`global` holds everywhere), and its score.

    The score is BM25, higher is better; it compares the documents of one search only.
    """

    id: str
    region: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class PolicyIndex:
    """The policies of the shop's database."""

    database: Database

    def search(self, text: str, region: str) -> Sequence[Policy]:
        """Return the region's and the global policies that share a word with it, best first."""
        words = re.findall(r"\w+", text)[:_MAX_WORDS]
        if not words:
            return []
        # Quoted, a word cannot be an operator of the full-text query language.
        match = " OR ".join(f'"{word}"' for word in words)
        with self.database.reading() as connection:
            rows = connection.execute(
                query("policies", "search"), {"words": match, "region": region, "limit": _LIMIT}
            ).fetchall()
        return [Policy(*row) for row in rows]
