"""Conversations that a person has taken over, one record each."""

from dataclasses import dataclass

from .database import Database, query

__all__ = ["Handoff", "Handoffs"]


@dataclass(frozen=True, slots=True)
class Handoff:
    """What the colleague who takes over finds.

    Attributes:
        number: Counts up from 1.
        reason: `asked`, `unanswered` or `refund_limit`.
    """

    number: int
    reason: str

    @property
    def id(self) -> str:
        """The reference that the customer is given."""
        return f"HANDOFF-{1000 + self.number}"


@dataclass(frozen=True, slots=True)
class Handoffs:
    """Handoffs in SQLite, at most one for an actor's conversation."""

    database: Database

    def find(self, actor: str, conversation_id: str) -> Handoff | None:
        """Return the handoff of the actor's conversation, if there is one."""
        with self.database.reading() as connection:
            row = connection.execute(
                query("handoffs", "find"), {"actor": actor, "conversation_id": conversation_id}
            ).fetchone()
        return Handoff(*row) if row else None

    def open(self, actor: str, conversation_id: str, reason: str) -> Handoff:
        """Hand the conversation over, or return the handoff that it already has."""
        values = {"actor": actor, "conversation_id": conversation_id, "reason": reason}
        with self.database.writing() as connection:
            connection.execute(query("handoffs", "open"), values)
            return Handoff(*connection.execute(query("handoffs", "find"), values).fetchone())
