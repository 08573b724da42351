"""The promise that all that was sent can be read; without it, others cannot be checked."""

from dataclasses import replace
from typing import Final

from ..arrival import Arrival
from .evidence import Evidence
from .verdicts import Result, Status, Verdict, absent, broken, kept, unchecked

__all__ = ["ALL_ARRIVED", "all_arrived", "doubted"]

ALL_ARRIVED: Final = "arrived"
# One span that breaks them is enough, whatever else may come.
_BROKEN_BY_ONE_SPAN: Final = frozenset(
    {
        "carries_session",
        "carries_user",
        "carries_trace_name",
        "carries_tags",
        "trace_id",
        "cost",
        "bounded",
        "private",
    }
)


def all_arrived(evidence: Evidence) -> Result:
    """Check that everything that receipts name can be read."""
    arrival = evidence.arrival
    spans, scores = arrival.spans, arrival.scores
    if spans.lost or scores.lost:
        return broken(
            "; ".join(filter(None, map(str, (spans, scores)))),
            cause="a Collector or a queue holds it, it was lost there, or it was removed since",
            fix=arrival.fix,
        )
    if spans or scores:
        return unchecked(str(arrival).removesuffix("."))
    if not arrival.is_known:
        return absent("no receipt says what was sent: more may be on its way")
    counts = [part.everything for part in (spans, scores) if part.total]
    return kept(f"all {' and '.join(counts)}")


def doubted(verdict: Verdict, arrival: Arrival) -> Verdict:
    """Return the verdict, unchecked if what is missing could turn it."""
    missing = arrival.scores if verdict.id == "feedback" else arrival.spans
    is_final = verdict.id == ALL_ARRIVED or (
        verdict.result.status is Status.BROKEN and verdict.id in _BROKEN_BY_ONE_SPAN
    )
    if is_final or not missing:
        return verdict
    return replace(verdict, result=unchecked(str(missing)))
