"""What was said before, by actor and conversation, so that the next process knows it.

A conversation id alone opens nothing: another actor with the same one has a memory of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .database import Database, query

__all__ = ["Conversations", "Turn", "is_unanswered"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what came of it."""

    question: str
    answer: str
    intent: str
    outcome: str
    order_reference: str


def is_unanswered(*, intent: str, outcome: str) -> bool:
    """Tell whether the customer still does not know what they asked."""
    return outcome in {"not_found", "unavailable"} or intent == "other"


@dataclass(frozen=True, slots=True)
class Conversations:
    """What was said, in SQLite."""

    database: Database

    def recall(self, actor: str, conversation_id: str) -> Sequence[Turn]:
        """Return the actor's last 20 turns of the conversation, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                query("conversations", "recall"),
                {"actor": actor, "conversation_id": conversation_id},
            ).fetchall()
        return [Turn(*row) for row in reversed(rows)]

    def remember(self, actor: str, conversation_id: str, turn: Turn) -> None:
        """Add a turn to the actor's conversation."""
        with self.database.writing() as connection:
            connection.execute(
                query("conversations", "remember"),
                (
                    actor,
                    conversation_id,
                    turn.question,
                    turn.answer,
                    turn.intent,
                    turn.outcome,
                    turn.order_reference,
                ),
            )
