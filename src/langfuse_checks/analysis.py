"""The chapter's questions about users and sessions, answered from rows of the public API.

Which users cost most, who is denied again and again, where negative feedback clusters, and which
sessions are long and why: sums over observations, as Langfuse's pages make them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from langfuse_checks.rows import Observation, Score

__all__ = ["Group", "Survey", "survey", "why_long"]

OUTCOME: Final = "outcome"
_LONG: Final = 3  # turns: the chapter's conversation
_FRICTION: Final = {
    "denied": "denied",
    "escalated": "handed to a person",
    "unavailable": "a service was down",
}


@dataclass(slots=True)
class Group:
    """The rows of one user or session; `id` is empty for the rows that name none."""

    id: str
    traces: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    observations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    known: int = 0
    unknown: int = 0
    errors: int = 0
    up: int = 0
    down: int = 0
    started: datetime | None = None
    ended: datetime | None = None

    def add(self, row: Observation) -> None:
        """Count a row."""
        self.traces.add(row.trace_id)
        self.sessions |= {row.session_id} - {""}
        self.users |= {row.user_id} - {""}
        self.observations += 1
        self.input_tokens += row.usage.get("input", 0)
        self.output_tokens += row.usage.get("output", 0)
        self.cost += row.total_cost
        self.known += bool(row.cost)
        self.unknown += row.is_unknown_cost
        self.errors += row.level == "ERROR"
        if row.is_root and OUTCOME in row.metadata:
            self.outcomes[str(row.metadata[OUTCOME])] += 1
        self.started = min(self.started or row.start, row.start)
        self.ended = max(self.ended or row.end, row.end)


@dataclass(frozen=True, slots=True)
class Survey:
    """All rows of a period, grouped by user and by session."""

    users: Sequence[Group]
    sessions: Sequence[Group]


def survey(rows: Iterable[Observation], scores: Iterable[Score]) -> Survey:
    """Group the rows, and give each group the feedback on its traces and sessions."""
    users: dict[str, Group] = {}
    sessions: dict[str, Group] = {}
    for row in rows:
        users.setdefault(row.user_id, Group(row.user_id)).add(row)
        sessions.setdefault(row.session_id, Group(row.session_id)).add(row)
    owners = _owners((*users.values(), *sessions.values()))
    for one in scores:
        for group in owners.get((one.kind, one.subject), ()):
            group.up += bool(one.value)
            group.down += not one.value
    return Survey(_by_user(users.values()), _by_session(sessions.values()))


def _by_user(groups: Iterable[Group]) -> Sequence[Group]:
    """Return users by cost, dearest first; the rows that name none come last."""
    return sorted(groups, key=lambda each: (not each.id, -each.cost, each.id))


def _by_session(groups: Iterable[Group]) -> Sequence[Group]:
    """Return sessions by turns, longest first; the rows that name none come last."""
    return sorted(groups, key=lambda each: (not each.id, -len(each.traces), each.id))


def why_long(session: Group) -> str:
    """Say why a session took three turns or more: the chapter's three reasons; else nothing."""
    if len(session.traces) < _LONG or not session.id:
        return ""
    missing = "missing data: no order found" if session.outcomes["not_found"] else ""
    frictions = [why for outcome, why in _FRICTION.items() if session.outcomes[outcome]]
    friction = f"workflow friction: {', '.join(frictions)}" if frictions else ""
    unclear = "unclear answers: asked again after an answer"
    return "; ".join(filter(None, (missing, friction))) or unclear


def _owners(groups: Iterable[Group]) -> dict[tuple[str, str], list[Group]]:
    owners: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        subjects = [("trace", each) for each in group.traces]
        subjects += [("session", each) for each in group.sessions]
        for subject in subjects:
            owners.setdefault(subject, []).append(group)
    return owners
