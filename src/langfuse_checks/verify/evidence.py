"""The evidence: the rows of one session and its traces, fetched once they have arrived.

A promise about every observation needs the rows that lack the session, too. So the session's
traces are fetched whole, with what ran in other traces during its turns and soon after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ..api import Api, CannotLookError, NotFoundError, format_time
from ..arrival import Arrival, Missing, Sent, SentScore, SentTrace, missing_scores, missing_spans
from ..patience import Patience
from ..records import Observation, Score, by_trace
from .nearby import fetch_nearby

__all__ = ["DEMO_SESSION", "DEMO_USER", "Evidence", "Expected", "fetch_evidence"]

DEMO_SESSION: Final = "conv_82d9535867844b4c8cdff"
DEMO_USER: Final = "usr_pseudo_7f31c2"
_BLIND_SECONDS: Final = 10  # How long to look when nobody knows what was sent.
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
        arrival: What was sent and cannot be read.
    """

    expected: Expected
    rows: Sequence[Observation]
    nearby: Sequence[Observation] = ()
    roots_of_user: Sequence[Observation] = ()
    cost_by_user: Mapping[str | None, float] | str = field(default_factory=dict)
    scores: Sequence[Score] | str = ()
    outside: Observation | None = None
    arrival: Arrival = field(default_factory=Arrival)

    @property
    def traces(self) -> Mapping[str, Sequence[Observation]]:
        """The rows by trace id, in the order of the traces' starts."""
        return by_trace(self.rows)


def fetch_evidence(
    api: Api,
    expected: Expected,
    *,
    since: timedelta | None,
    sent: Sent,
    wait_seconds: float,
    on_wait: Callable[[str], None],
) -> Evidence:
    """Fetch the evidence, waiting for what was sent until it can be read or the time is over.

    Args:
        api: The backend.
        expected: Whose session.
        since: How far back to look, everything if None.
        sent: What was sent to the backend in that time.
        wait_seconds: How long it may still be on its way.
        on_wait: Called before each pause with what is still missing.

    Raises:
        CannotLookError: The backend gave no usable answer.
    """
    period = {} if since is None else {"fromStartTime": format_time(datetime.now(UTC) - since)}
    traces = sent.to_session(expected.session)
    patience = Patience(wait_seconds if traces else min(wait_seconds, _BLIND_SECONDS), on_wait)
    fetched = patience.until(
        lambda: _rows(api, expected.session, period, traces), _awaited_spans(traces)
    )
    rows = _of_session(fetched, expected, traces)
    ids = {row.trace_id for row in rows}
    on_session = sent.on(expected.session, ids)
    scores = patience.until(
        lambda: _scores(api, expected.session, ids),
        lambda found: _missing_scores(on_session, found).progress,
    )
    return Evidence(
        expected=expected,
        rows=rows,
        nearby=fetch_nearby(api, rows),
        roots_of_user=api.some_observations(100, userId=expected.user, isRootObservation="true"),
        cost_by_user=_cost_by_user(api, expected.session, rows) if rows else {},
        scores=scores,
        outside=_outside(api, expected.session) if period and not rows else None,
        arrival=Arrival(
            missing_spans(traces, fetched), _missing_scores(on_session, scores), bool(traces)
        ),
    )


def _awaited_spans(sent: Sequence[SentTrace]) -> Callable[[Sequence[Observation]], str]:
    """Return what names the spans that are awaited: those sent, or any while they still come."""
    known = {trace.id for trace in sent}
    last_count = -1

    def awaited(rows: Sequence[Observation]) -> str:
        nonlocal last_count
        before, last_count = last_count, len(rows)
        if progress := missing_spans(sent, rows).progress:
            return progress
        is_settled = before == len(rows) and (known or _is_complete(rows))
        is_known = known and known.issuperset(row.trace_id for row in rows)
        return "" if is_settled or is_known else f"{len(rows)} observations so far"

    return awaited


def _is_complete(rows: Sequence[Observation]) -> bool:
    """Whether nothing seems to be on its way: two turns, each with its root, which ends last."""
    traces = {row.trace_id for row in rows}
    return len(traces) >= _TURNS and traces == {row.trace_id for row in rows if row.is_root}


def _rows(
    api: Api, session: str, period: dict[str, str], sent: Sequence[SentTrace]
) -> list[Observation]:
    of_session = api.observations(sessionId=session, **period)
    rows = {(row.trace_id, row.id): row for row in of_session}
    for trace_id in {row.trace_id for row in of_session} | {trace.id for trace in sent}:
        rows |= {(row.trace_id, row.id): row for row in api.observations(traceId=trace_id)}
    return sorted(rows.values(), key=lambda row: (row.start, row.trace_id, row.id))


def _of_session(
    rows: Sequence[Observation], expected: Expected, sent: Sequence[SentTrace]
) -> list[Observation]:
    """Return the session's traces, with the turns that were meant for it and name another."""
    own = {row.trace_id for row in rows if row.session_id == expected.session}
    meant = {trace.id for trace in sent if trace.session}
    turns = {r.trace_id for r in rows if r.is_root and r.trace_name == expected.trace_name}
    return [row for row in rows if own and row.trace_id in own | meant & turns]


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


def _missing_scores(sent: Sequence[SentScore], scores: Sequence[Score] | str) -> Missing:
    return Missing("score") if isinstance(scores, str) else missing_scores(sent, scores)


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
