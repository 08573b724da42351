"""A survey of users and sessions: sums over observations, as Langfuse's pages make them.

It answers the chapter's questions: which users cost most, who is denied again and again, where
negative feedback clusters, and which sessions are long and why.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..records import Observation, Score

__all__ = ["Group", "Survey", "survey", "why_long"]

_OUTCOME: Final = "outcome"
_LONG_TURNS: Final = 3  # As many as the chapter's conversation has.
_FRICTIONS: Final = {
    "denied": "denied",
    "escalated": "handed to a person",
    "unavailable": "a service was down",
}


@dataclass(slots=True)
class Group:
    """Sums over the rows of one user or session; `id` is empty for the rows that name none."""

    id: str
    traces: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    observations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    known_costs: int = 0
    unknown_costs: int = 0
    errors: int = 0
    up: int = 0
    down: int = 0
    started: datetime | None = None
    ended: datetime | None = None

    def add(self, row: Observation) -> None:
        """Add a row to the sums."""
        self.traces.add(row.trace_id)
        self.sessions |= {row.session_id} - {""}
        self.users |= {row.user_id} - {""}
        self.observations += 1
        self.input_tokens += row.usage.get("input", 0)
        self.output_tokens += row.usage.get("output", 0)
        self.cost += row.total_cost
        self.known_costs += bool(row.cost)
        self.unknown_costs += row.is_unknown_cost
        self.errors += row.level == "ERROR"
        if row.is_root and _OUTCOME in row.metadata:
            self.outcomes[str(row.metadata[_OUTCOME])] += 1
        self.started = min(self.started or row.start, row.start)
        self.ended = max(self.ended or row.end, row.end)


@dataclass(frozen=True, slots=True)
class Survey:
    """All rows of a period, grouped by user and by session."""

    users: Sequence[Group]
    sessions: Sequence[Group]


def survey(rows: Iterable[Observation], scores: Iterable[Score]) -> Survey:
    """Group the rows by user and by session, each with the feedback on its traces and sessions."""
    users: dict[str, Group] = {}
    sessions: dict[str, Group] = {}
    for row in rows:
        users.setdefault(row.user_id, Group(row.user_id)).add(row)
        sessions.setdefault(row.session_id, Group(row.session_id)).add(row)
    owners = _owners((*users.values(), *sessions.values()))
    for score in scores:
        for group in owners.get((score.kind, score.subject), ()):
            group.up += bool(score.value)
            group.down += not score.value
    return Survey(_by_user(users.values()), _by_session(sessions.values()))


def _by_user(groups: Iterable[Group]) -> Sequence[Group]:
    """Sort users by cost, the highest first; the rows that name none come last."""
    return sorted(groups, key=lambda user: (not user.id, -user.cost, user.id))


def _by_session(groups: Iterable[Group]) -> Sequence[Group]:
    """Sort sessions by turns, the most first; the rows that name none come last."""
    return sorted(groups, key=lambda session: (not session.id, -len(session.traces), session.id))


def why_long(session: Group) -> str:
    """Return why a session took three turns or more; empty if it is shorter."""
    if len(session.traces) < _LONG_TURNS or not session.id:
        return ""
    missing = "missing data: no order found" if session.outcomes["not_found"] else ""
    frictions = [words for outcome, words in _FRICTIONS.items() if session.outcomes[outcome]]
    friction = f"workflow friction: {', '.join(frictions)}" if frictions else ""
    unclear = "unclear answers: asked again after an answer"
    return "; ".join(filter(None, (missing, friction))) or unclear


def _owners(groups: Iterable[Group]) -> dict[tuple[str, str], list[Group]]:
    owners: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        subjects = [("trace", trace) for trace in group.traces]
        subjects += [("session", session) for session in group.sessions]
        for subject in subjects:
            owners.setdefault(subject, []).append(group)
    return owners
