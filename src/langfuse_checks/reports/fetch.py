"""What the reports are made of: all observations and feedback of a period, once they have come."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ..api import Api, NotFoundError, format_time
from ..arrival import MARGIN, Arrival, Missing, Sent, missing_scores, missing_spans
from ..feedback import FEEDBACK
from ..patience import Patience
from ..records import Observation, Score
from .survey import Survey, survey

__all__ = ["fetch_spans", "fetch_survey"]


def fetch_survey(
    api: Api,
    *,
    since: timedelta | None,
    sent: Sent,
    wait_seconds: float,
    on_wait: Callable[[str], None],
) -> tuple[Survey, Arrival]:
    """Survey what started in the period, and say what of it is missing.

    The parameters are those of `fetch_evidence()`; raises CannotLookError.
    """
    patience = Patience(wait_seconds, on_wait)
    start = None if since is None else datetime.now(UTC) - since
    rows, spans = fetch_spans(api, start, sent, patience)
    scores = patience.until(
        lambda: _feedback(api), lambda found: missing_scores(sent.scores, found or ()).progress
    )
    unread = Missing("score") if scores is None else missing_scores(sent.scores, scores)
    in_period = (row for row in rows if start is None or row.start >= start)
    arrival = Arrival(spans, unread, is_known=bool(sent.traces))
    return survey(in_period, scores or ()), arrival


def fetch_spans(
    api: Api, start: datetime | None, sent: Sent, patience: Patience
) -> tuple[list[Observation], Missing]:
    """Fetch the rows since the start, and a margin before it, until those sent are among them."""
    period = {} if start is None else {"fromStartTime": format_time(start - MARGIN)}
    rows = patience.until(
        lambda: api.observations(**period),
        lambda found: missing_spans(sent.traces, found).progress,
    )
    return rows, missing_spans(sent.traces, rows)


def _feedback(api: Api) -> list[Score] | None:
    try:
        return api.scores(name=FEEDBACK)
    except NotFoundError as error:
        print(f"Without feedback: {error}.", file=sys.stderr)
        return None
