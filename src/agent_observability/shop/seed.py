"""The shop's database: synthetic orders and customers, and the policies with their index.

Everything in it can be made again, so a file of an older seed is filled anew.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from random import Random
from typing import Final

from .database import Database, query

__all__ = ["Person", "open_shop", "synthetic_people"]

SEED_VERSION: Final = 1
_TODAY: Final = date(2026, 11, 21)
_REASONS: Final = (
    "the carrier missed a connection",
    "a storm closed the port",
    "customs is checking the parcel",
    "the address had to be confirmed",
)
_DEMO_ROWS: Final = (
    ("ORDER-924", "usr_pseudo_7f31c2", "delayed", "eu", "2026-12-02", _REASONS[0], 8990, "EUR"),
    ("ORDER-925", "usr_pseudo_7f31c2", "delivered", "eu", "2026-11-03", "", 42900, "EUR"),
    ("ORDER-311", "usr_pseudo_b2c904", "in_transit", "us", "2026-11-28", "", 5450, "USD"),
)
_OFFSETS: Final = {  # Days from now to the date that matters.
    "processing": (5, 15),
    "in_transit": (1, 7),
    "delayed": (8, 25),
    "delivered": (-30, -2),
    "returned": (-20, -1),
}

Row = tuple[str, str, str, str, str, str, int, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A pseudonymous customer and the region their orders are in."""

    pseudonym: str
    region: str


def synthetic_people(count: int, random: Random) -> Sequence[Person]:
    """Make up pseudonyms, spread over the three regions."""
    return [
        Person(f"usr_pseudo_{random.getrandbits(32):08x}", random.choice(("eu", "us", "global")))
        for _ in range(count)
    ]


def open_shop(
    path: Path, people: Sequence[Person] | None = None, *, random: Random | None = None
) -> Database:
    """Return the shop's database, filled if it is new.

    Args:
        path: The file.
        people: Who has orders; by default 120 made-up people and the chapter's two.
        random: Decides the orders; by default the same every time.
    """
    database = Database(path)
    with database.reading() as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] == SEED_VERSION:
            return database
    random = random or Random(924)  # noqa: S311 - made-up orders, no secret
    if people is None:
        people = synthetic_people(120, random)
    _fill(database, [*_DEMO_ROWS, *_orders(people, random)])
    return database


def _orders(people: Iterable[Person], random: Random) -> Iterable[Row]:
    number = 1000
    for person in people:
        for nth in range(random.choice((1, 2, 3, 4))):
            number += 1
            # Everyone has something on its way, or there would be little to ask about.
            status = random.choice(tuple(_OFFSETS) if nth else ("in_transit", "delayed"))
            yield (
                f"ORDER-{number}",
                person.pseudonym,
                status,
                person.region,
                (_TODAY + timedelta(days=random.randint(*_OFFSETS[status]))).isoformat(),
                random.choice(_REASONS) if status == "delayed" else "",
                random.randint(900, 60_000),
                "EUR" if person.region == "eu" else "USD",
            )


def _fill(database: Database, rows: Sequence[Row]) -> None:
    owners = dict.fromkeys(row[1] for row in rows)
    customers = [
        (owner, f"Customer {n:04d}", f"customer-{n:04d}@example.invalid")
        for n, owner in enumerate(owners, start=1)
    ]
    policies = resources.files(__package__).joinpath("data/policies.json").read_text()
    database.create("orders", "customers", "policies")
    with database.writing() as connection:
        connection.executemany(query("orders", "insert"), rows)
        connection.executemany(query("customers", "insert"), customers)
        connection.executemany(query("policies", "insert"), json.loads(policies))
        connection.execute(f"PRAGMA user_version = {SEED_VERSION}")
