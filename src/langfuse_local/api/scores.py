"""Scores in a store, and how they are answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from langfuse_local.api.score_form import columns_of
from langfuse_local.responses import InvalidDataError
from langfuse_local.store.numbers import plain
from langfuse_local.store.sql import statement
from langfuse_local.timestamps import iso

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from langfuse_local.store.conditions import Condition
    from langfuse_local.store.store import Store

__all__ = ["GROUPS", "Scores", "answer_of"]

GROUPS: Final = ("core", "details", "subject", "annotation")


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores in a store. A score sent again with its id replaces itself."""

    store: Store

    def save(self, body: Any) -> str:
        """Store a score as sent and give its id; raises InvalidDataError, sqlite3.Error."""
        values = columns_of(body)
        self.store.write(statement("upsert_score"), values)
        return str(values["id"])

    def save_all(self, bodies: Sequence[Any]) -> list[dict[str, str]]:
        """Store the scores of a list that can be stored, and say what is wrong with the others."""
        errors = []
        for body in bodies:
            try:
                self.save(body)
            except InvalidDataError as error:
                errors.append({"message": str(error)})
        return errors

    def delete(self, score_id: str) -> None:
        """Forget a score; one that is not there is no error."""
        self.store.write(statement("delete_score"), {"id": score_id})

    def find(self, conditions: Sequence[Condition], limit: int) -> list[sqlite3.Row]:
        """Scores that meet every condition, newest first."""
        where = " AND ".join(one.sql for one in conditions) or "1"
        values = (value for one in conditions for value in one.values)
        query = f"{statement('scores')} WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT ?"
        return self.store.rows(query, (*values, limit))

    def of_session(self, session_id: str) -> list[sqlite3.Row]:
        """Scores of a session itself, newest first."""
        return self.store.rows(statement("scores_of_session"), {"id": session_id})

    def of_trace(self, trace_id: str) -> list[sqlite3.Row]:
        """Scores of a trace and its observations, newest first."""
        return self.store.rows(statement("scores_of_trace"), {"id": trace_id})

    def of_user(self, user_id: str) -> list[sqlite3.Row]:
        """Scores of the sessions and traces in which a user has a part, newest first."""
        return self.store.rows(statement("scores_of_user"), {"id": user_id})


def answer_of(row: sqlite3.Row, groups: Collection[str], project_id: str) -> dict[str, Any]:
    """A score as `/api/public/v3/scores` answers it, with the field groups asked for."""
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
    return answer | {"dataType": row["data_type"], "value": _shown(row)}


def _subject(row: sqlite3.Row) -> dict[str, str]:
    if row["observation"] is not None:
        return {"kind": "observation", "id": row["observation"], "traceId": row["trace"]}
    kinds = {"session": "session", "trace": "trace", "experiment": "experiment"}
    return next({"kind": kind, "id": row[c]} for c, kind in kinds.items() if row[c] is not None)


def _shown(row: sqlite3.Row) -> bool | float | str:
    if row["data_type"] == "BOOLEAN":
        return bool(row["number"])
    if row["number"] is None:
        return str(row["text"])
    return plain(row["number"])
