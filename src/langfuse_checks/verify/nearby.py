"""What ran beside the turns of a session: when each turn was, and the rows of other traces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..api import Api, format_time
from ..records import Observation, by_trace

__all__ = ["SOON", "Turn", "fetch_nearby", "turns"]

SOON: Final = timedelta(seconds=5)
"""How long after a turn a step that it left behind may start."""

_SERVICE: Final = "resourceAttributes.service.name"


@dataclass(frozen=True, slots=True)
class Turn:
    """When one trace of a session was, in the API's whole milliseconds."""

    trace_id: str
    start: datetime
    end: datetime


def turns(rows: Sequence[Observation]) -> list[Turn]:
    """Return the turns, each as long as its root or, without one, as its rows."""
    found = []
    for trace_id, trace in by_trace(rows).items():
        parts = [row for row in trace if row.is_root] or trace
        start, end = min(row.start for row in parts), max(row.end for row in parts)
        found.append(Turn(trace_id, start, end))
    return found


def fetch_nearby(api: Api, rows: Sequence[Observation]) -> list[Observation]:
    """Fetch what the same services did in other traces during the turns and soon after."""
    services = {row.metadata.get(_SERVICE) for row in rows}
    own = {row.trace_id for row in rows}
    nearby = {}
    for turn in turns(rows):
        period = {
            "fromStartTime": format_time(turn.start),
            "toStartTime": format_time(turn.end + SOON),
        }
        for row in api.observations(**period):
            if row.trace_id not in own and row.metadata.get(_SERVICE) in services:
                nearby[row.trace_id, row.id] = row
    return sorted(nearby.values(), key=lambda row: row.start)
