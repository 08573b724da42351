"""Summaries of sessions, users and traces, each a group of observations.

Times are microseconds since the epoch. `cost` sums the known costs in US dollars and is None when
none is known; `unknown_costs` counts the calls that used tokens at an unknown price, which is not
the same as $0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ids import text_of

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "Counts",
    "Outline",
    "SessionSummary",
    "Totals",
    "TraceSummary",
    "UserSummary",
    "counts_of",
    "outline_of",
    "session_of",
    "trace_of",
    "user_of",
]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the observations of a group."""

    started: int
    ended: int
    observations: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    unknown_costs: int
    errors: int

    @property
    def duration(self) -> int:
        """From the first start to the last end, idle time included."""
        return self.ended - self.started


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session; `observations_of_traces` also counts its traces' rows that lack the session."""

    id: str
    totals: Totals
    traces: int
    observations_of_traces: int
    users: tuple[str, ...]
    environments: tuple[str, ...]
    versions: tuple[str, ...]
    first_question: str | None
    last_answer: str | None


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user; `id` is None for the group of observations without one."""

    id: str | None
    totals: Totals
    sessions: int
    traces: int
    environments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace; texts are None where no observation has one."""

    id: str
    totals: Totals
    name: str | None
    session: str | None
    user: str | None
    environment: str | None
    version: str | None
    release: str | None
    tags: tuple[str, ...]
    with_session: int
    with_user: int
    input: str | None
    output: str | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a tree or a timeline shows of an observation."""

    id: str
    parent_id: str | None
    start: int
    end: int
    type: str
    name: str
    level: str
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    is_cost_unknown: bool
    is_root: bool
    has_session: bool
    has_user: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of the store."""

    sessions: int
    users: int
    traces: int
    observations: int


def session_of(row: sqlite3.Row) -> SessionSummary:
    """Read a row of the statement `session_summary`."""
    return SessionSummary(
        id=row["id"],
        totals=_totals(row),
        traces=row["traces"],
        observations_of_traces=row["observations_of_traces"],
        users=_texts(row["users"]),
        environments=_texts(row["environments"]),
        versions=_texts(row["versions"]),
        first_question=row["first_question"],
        last_answer=row["last_answer"],
    )


def user_of(row: sqlite3.Row) -> UserSummary:
    """Read a row of the statement `user_summary`."""
    return UserSummary(
        id=row["id"],
        totals=_totals(row),
        sessions=row["sessions"],
        traces=row["traces"],
        environments=_texts(row["environments"]),
    )


def trace_of(row: sqlite3.Row) -> TraceSummary:
    """Read a row of the statement `trace_summary`."""
    return TraceSummary(
        id=text_of(row["trace"]),
        totals=_totals(row),
        name=row["name"],
        session=row["session"],
        user=row["user"],
        environment=row["environment"],
        version=row["version"],
        release=row["release"],
        tags=tuple(json.loads(row["tags"])),
        with_session=row["with_session"],
        with_user=row["with_user"],
        input=row["input"],
        output=row["output"],
    )


def outline_of(row: sqlite3.Row) -> Outline:
    """Read a row of the statement `outline`."""
    return Outline(
        id=text_of(row["span"]),
        parent_id=text_of(row["parent"]) if row["parent"] else None,
        start=row["start"],
        end=row["end"],
        type=row["type"],
        name=row["name"] or "",
        level=row["level"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"],
        is_cost_unknown=bool(row["is_cost_unknown"]),
        is_root=bool(row["root"]),
        has_session=bool(row["has_session"]),
        has_user=bool(row["has_user"]),
    )


def counts_of(row: sqlite3.Row) -> Counts:
    """Read the row of the statement `counts`."""
    return Counts(row["sessions"], row["users"], row["traces"], row["observations"])


def _totals(row: sqlite3.Row) -> Totals:
    return Totals(
        started=row["started"],
        ended=row["ended"],
        observations=row["observations"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"],
        unknown_costs=row["unknown_costs"],
        errors=row["errors"],
    )


def _texts(array: str) -> tuple[str, ...]:
    return tuple(sorted(json.loads(array)))
