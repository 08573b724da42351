"""Scores in a store, and as `/api/public/v3/scores` answers them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..responses import InvalidDataError, InvalidRequestError
from ..store.numbers import plain
from ..store.sql import statement
from ..timestamps import iso
from .score_validation import row_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from ..store.conditions import Condition
    from ..store.store import Store

__all__ = ["GROUPS", "Scores", "score_json"]

GROUPS: Final = ("core", "details", "subject", "annotation")


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores in a store. A score with the id of another one replaces it."""

    store: Store

    def save(self, body: Any) -> str:
        """Store the score of a request and return its id.

        Raises InvalidDataError, InvalidRequestError or sqlite3.Error.
        """
        values = row_of(body)
        self.store.write(statement("upsert_score"), values)
        return str(values["id"])

    def save_all(self, bodies: Sequence[Any]) -> list[dict[str, str]]:
        """Store the valid scores of a list, and return what is wrong with the others."""
        errors = []
        for body in bodies:
            try:
                self.save(body)
            except (InvalidDataError, InvalidRequestError) as error:
                errors.append({"message": str(error)})
        return errors

    def delete(self, score_id: str) -> None:
        """Delete a score; a missing one is no error."""
        self.store.write(statement("delete_score"), {"id": score_id})

    def find(self, conditions: Sequence[Condition], limit: int) -> list[sqlite3.Row]:
        """Find scores that meet every condition, newest first."""
        where = " AND ".join(condition.sql for condition in conditions) or "1"
        values = (value for condition in conditions for value in condition.values)
        query = f"{statement('scores')} WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT ?"
        return self.store.rows(query, (*values, limit))

    def of_session(self, session_id: str) -> list[sqlite3.Row]:
        """Find the scores of a session itself, newest first."""
        return self.store.rows(statement("scores_of_session"), {"id": session_id})

    def of_trace(self, trace_id: str) -> list[sqlite3.Row]:
        """Find the scores of a trace and its observations, newest first."""
        return self.store.rows(statement("scores_of_trace"), {"id": trace_id})

    def of_user(self, user_id: str) -> list[sqlite3.Row]:
        """Find the scores of a user's sessions and traces, newest first."""
        return self.store.rows(statement("scores_of_user"), {"id": user_id})


def score_json(row: sqlite3.Row, groups: Collection[str], project_id: str) -> dict[str, Any]:
    """Return a score as the API answers it, with these field groups."""
    answer: dict[str, Any] = {
        "id": row["id"],
        "projectId": project_id,
        "name": row["name"],
        "source": row["source"],
        "timestamp": iso(row["timestamp"]),
        "environment": row["environment"],
        "createdAt": iso(row["created"]),
        "updatedAt": iso(row["updated"]),
    }
    if "details" in groups:
        answer |= {"comment": row["comment"], "configId": row["config"]}
        answer["metadata"] = json.loads(row["metadata"])
    if "annotation" in groups:
        answer |= {"authorUserId": None, "queueId": row["queue"]}
    if "subject" in groups:
        answer["subject"] = _subject(row)
    return answer | {"dataType": row["data_type"], "value": _value(row)}


def _subject(row: sqlite3.Row) -> dict[str, str]:
    if row["observation"] is not None:
        return {"kind": "observation", "id": row["observation"], "traceId": row["trace"]}
    kinds = {"session": "session", "trace": "trace", "experiment": "experiment"}
    return next({"kind": kind, "id": row[c]} for c, kind in kinds.items() if row[c] is not None)


def _value(row: sqlite3.Row) -> bool | float | str:
    if row["data_type"] == "BOOLEAN":
        return bool(row["number"])
    if row["number"] is None:
        return str(row["text"])
    return plain(row["number"])
