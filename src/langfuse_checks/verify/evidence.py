"""The evidence: the rows of one session and its traces, fetched once they have arrived.

A promise about every observation needs the rows that lack the session, too. So the session's
traces are fetched whole, with what ran in other traces during its turns and soon after.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ..api import Api, CannotLookError, NotFoundError, format_time
from ..records import Observation, Score, by_trace
from .nearby import fetch_nearby

__all__ = ["DEMO_SESSION", "DEMO_USER", "Evidence", "Expected", "fetch_evidence"]

DEMO_SESSION: Final = "conv_82d9535867844b4c8cdff"
DEMO_USER: Final = "usr_pseudo_7f31c2"
_POLL_SECONDS: Final = 0.5
_TURNS: Final = 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What the spans of a session should say."""

    session: str = DEMO_SESSION
    user: str = DEMO_USER
    trace_name: str = "order-status-turn"
    tags: tuple[str, ...] = ("order-status", "langgraph")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the promises are checked against.

    Attributes:
        rows: All observations of the session's traces, oldest first, with and without session.
        nearby: What the same services did in other traces during the turns and soon after.
        roots_of_user: The user's newest roots, of whatever session.
        cost_by_user: US dollars of the session by user (None: nobody); a text says why unknown.
        scores: Scores on the session and on its traces; a text says why unknown.
        outside: The newest row of the session if all of its rows began before the period.
    """

    expected: Expected
    rows: Sequence[Observation]
    nearby: Sequence[Observation] = ()
    roots_of_user: Sequence[Observation] = ()
    cost_by_user: Mapping[str | None, float] | str = field(default_factory=dict)
    scores: Sequence[Score] | str = ()
    outside: Observation | None = None

    @property
    def traces(self) -> Mapping[str, Sequence[Observation]]:
        """The rows by trace id, in the order of the traces' starts."""
        return by_trace(self.rows)


def fetch_evidence(
    api: Api,
    expected: Expected,
    *,
    since: timedelta | None,
    wait_seconds: float,
    on_wait: Callable[[str], None],
) -> Evidence:
    """Fetch the evidence, polling until the session is complete or the time is over.

    Args:
        api: The backend.
        expected: Whose session.
        since: How far back to look, everything if None.
        wait_seconds: How long spans may still be on their way.
        on_wait: Called before each pause with what is still missing.

    Raises:
        CannotLookError: The backend gave no usable answer.
    """
    period = {} if since is None else {"fromStartTime": format_time(datetime.now(UTC) - since)}
    rows = _settled_rows(api, expected, period, wait_seconds, on_wait)
    return Evidence(
        expected=expected,
        rows=rows,
        nearby=fetch_nearby(api, rows),
        roots_of_user=api.some_observations(100, userId=expected.user, isRootObservation="true"),
        cost_by_user=_cost_by_user(api, expected.session, rows) if rows else {},
        scores=_scores(api, expected.session, {row.trace_id for row in rows}),
        outside=_outside(api, expected.session) if period and not rows else None,
    )


def _settled_rows(
    api: Api,
    expected: Expected,
    period: dict[str, str],
    wait_seconds: float,
    on_wait: Callable[[str], None],
) -> list[Observation]:
    deadline = time.monotonic() + wait_seconds
    previous = -1
    while True:
        rows = _rows(api, expected.session, period)
        is_settled = len(rows) == previous and _is_complete(rows)
        if is_settled or time.monotonic() >= deadline:
            return rows
        previous = len(rows)
        on_wait(f"{previous} observations of {expected.session} so far")
        time.sleep(_POLL_SECONDS)


def _is_complete(rows: Sequence[Observation]) -> bool:
    """Whether nothing seems to be on its way: two turns, each with its root, which ends last."""
    traces = {row.trace_id for row in rows}
    return len(traces) >= _TURNS and traces == {row.trace_id for row in rows if row.is_root}


def _rows(api: Api, session: str, period: dict[str, str]) -> list[Observation]:
    of_session = api.observations(sessionId=session, **period)
    rows = {(row.trace_id, row.id): row for row in of_session}
    for trace_id in {row.trace_id for row in of_session}:
        rows |= {(row.trace_id, row.id): row for row in api.observations(traceId=trace_id)}
    return sorted(rows.values(), key=lambda row: (row.start, row.trace_id, row.id))


def _cost_by_user(
    api: Api, session: str, rows: Sequence[Observation]
) -> Mapping[str | None, float] | str:
    starts = [row.start for row in rows]
    query = {
        "view": "observations",
        "dimensions": [{"field": "userId"}],
        "metrics": [{"measure": "totalCost", "aggregation": "sum"}],
        "filters": [
            {"column": "sessionId", "operator": "=", "value": session, "type": "string"},
        ],
        "fromTimestamp": format_time(min(starts)),
        "toTimestamp": format_time(_next_millisecond(max(starts))),
        "orderBy": [{"field": "sum_totalCost", "direction": "desc"}],
        "config": {"row_limit": 100},
    }
    try:
        groups = api.metrics(query)
        return {group["userId"]: float(group["sum_totalCost"] or 0) for group in groups}
    except NotFoundError as error:
        return str(error)
    except (KeyError, TypeError, ValueError) as error:
        raise CannotLookError(
            f"{api.base_url} answered metrics of an unknown form: check its version."
        ) from error


def _scores(api: Api, session: str, traces: set[str]) -> Sequence[Score] | str:
    try:
        scores = api.scores(sessionId=session)
        for trace_id in sorted(traces):
            scores += api.scores(traceId=trace_id)
    except NotFoundError as error:
        return str(error)
    return scores


def _outside(api: Api, session: str) -> Observation | None:
    newest = api.some_observations(1, sessionId=session)
    return newest[0] if newest else None


def _next_millisecond(end: datetime) -> datetime:
    # The API's times are whole milliseconds: the turn may have ended later in this one.
    return end + timedelta(milliseconds=1)
