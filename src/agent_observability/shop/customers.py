"""Who a pseudonym is: kept in the shop's own database, behind a role check, and never traced."""

from dataclasses import dataclass

from .database import Database, query

__all__ = ["Customer", "customer_of"]


@dataclass(frozen=True, slots=True)
class Customer:
    """A synthetic customer; both fields are personal data in a real shop."""

    name: str
    email: str


def customer_of(database: Database, pseudonym: str, *, role: str) -> Customer | None:
    """Return the customer behind a pseudonym, or None if there is none.

    Raises:
        PermissionError: The role is not `support`; the database was not asked.
    """
    if role != "support":
        raise PermissionError("Only the role `support` may see which customer a pseudonym is.")
    with database.reading() as connection:
        row = connection.execute(query("customers", "find"), {"pseudonym": pseudonym}).fetchone()
    return Customer(*row) if row else None
