"""The records that the API lists, observations and scores, as values that are read strictly.

A backend that leaves a key out is not the one that these checks are written for. Saying so beats
a promise that looks kept because nothing was there to break it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Observation", "Score", "by_trace", "read_observation", "read_score"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One row of `/v2/observations`; what is absent is empty, or None for `parent_id`."""

    id: str
    trace_id: str
    parent_id: str | None
    type: str
    name: str
    start: datetime
    end: datetime
    level: str
    version: str
    environment: str
    user_id: str
    session_id: str
    is_root: bool
    trace_name: str
    tags: tuple[str, ...]
    usage: Mapping[str, int]
    cost: Mapping[str, float]
    metadata: Mapping[str, Any]
    input: str

    @property
    def tokens(self) -> int:
        """All tokens of the row."""
        return self.usage.get("total", 0)

    @property
    def total_cost(self) -> float:
        """US dollars as Langfuse sums them, 0 when it has none."""
        return self.cost.get("total", 0.0)

    @property
    def is_unknown_cost(self) -> bool:
        """Whether tokens were used at an unknown price, which is not $0."""
        return self.tokens > 0 and not self.cost


@dataclass(frozen=True, slots=True)
class Score:
    """One row of `/v3/scores`; `kind` says what `subject` is: a trace, a session, ..."""

    id: str
    name: str
    value: float | str | bool
    kind: str
    subject: str
    comment: str


def by_trace(rows: Iterable[Observation]) -> Mapping[str, Sequence[Observation]]:
    """Return the rows by trace id, in the order in which the traces first appear."""
    traces: dict[str, list[Observation]] = {}
    for row in rows:
        traces.setdefault(row.trace_id, []).append(row)
    return traces


def read_observation(row: Mapping[str, Any]) -> Observation:
    """Read a row with all field groups but `time`; raises KeyError, TypeError or ValueError."""
    start = _time(row["startTime"])
    return Observation(
        id=str(row["id"]),
        trace_id=str(row["traceId"]),
        parent_id=row["parentObservationId"] or None,
        type=str(row["type"]),
        name=row["name"] or "",
        start=start,
        end=_time(row["endTime"]) if row["endTime"] else start,
        level=row["level"],
        version=row["version"] or "",
        environment=row["environment"] or "",
        user_id=row["userId"] or "",
        session_id=row["sessionId"] or "",
        is_root=bool(row["isRootObservation"]),
        trace_name=row["traceName"] or "",
        tags=tuple(row["tags"] or ()),
        usage=dict(row["usageDetails"] or {}),
        cost={kind: float(usd) for kind, usd in (row["costDetails"] or {}).items()},
        metadata=dict(row["metadata"] or {}),
        input=row["input"] or "",
    )


def read_score(row: Mapping[str, Any]) -> Score:
    """Read a row with the groups `details` and `subject`; raises as `read_observation()`."""
    return Score(
        id=str(row["id"]),
        name=str(row["name"]),
        value=row["value"],
        kind=str(row["subject"]["kind"]),
        subject=str(row["subject"]["id"]),
        comment=row["comment"] or "",
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
