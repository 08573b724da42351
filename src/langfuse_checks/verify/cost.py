"""Promises about usage and cost: on the right spans, attributed to the user, never a silent $0."""

from typing import Final

from .evidence import Evidence
from .verdicts import Result, broken, kept, unchecked

__all__ = ["attributed_to_user", "known_or_unknown", "usage_on_generations"]

_PRICED: Final = frozenset({"GENERATION", "EMBEDDING"})
_TOLERANCE_USD: Final = 1e-9


def attributed_to_user(evidence: Evidence) -> Result:
    """Check that the session's cost is the user's, by its observations and by the metrics."""
    expected = evidence.expected
    total = sum(row.total_cost for row in evidence.rows)
    misattributed = [
        r for r in evidence.rows if (r.session_id, r.user_id) != (expected.session, expected.user)
    ]
    missing = sum(row.total_cost for row in misattributed)
    if not any(row.user_id == expected.user for row in evidence.rows):
        return broken(
            "the user is not listed",
            span=evidence.rows[0],
            cause="no observation of the session names this user",
            fix="send langfuse.user.id on every span, or name the right user (--user)",
        )
    if missing > _TOLERANCE_USD:
        return broken(
            f"${missing:.6f} of ${total:.6f} is nobody's",
            span=next(row for row in misattributed if row.total_cost),
            cause="Langfuse adds up the spans that name the user; the one that cost does not",
            fix="put session and user on every span, the model's above all",
        )
    if isinstance(evidence.cost_by_user, str):
        return unchecked(f"${total:.6f} by its observations; {evidence.cost_by_user}")
    others = sum(
        dollars for user, dollars in evidence.cost_by_user.items() if user != expected.user
    )
    counted = evidence.cost_by_user.get(expected.user, 0.0)
    if others > _TOLERANCE_USD or abs(counted - total) > _TOLERANCE_USD:
        return broken(
            f"${counted:.6f} of ${total:.6f}",
            cause="/v2/metrics adds the session up to another sum than its observations do",
            fix="wait for ingestion to finish and run it again; a span sent twice counts twice",
        )
    return kept(f"${total:.6f}")


def usage_on_generations(evidence: Evidence) -> Result:
    """Check that no other observation repeats the usage of a generation."""
    wrong = [r for r in evidence.rows if (r.usage or r.cost) and r.type not in _PRICED]
    if not wrong:
        return kept(f"{sum(bool(row.usage) for row in evidence.rows)} observations have it")
    return broken(
        f"{len(wrong)} other observations have it",
        span=wrong[0],
        cause=f"a {wrong[0].type} carries usage or cost: Langfuse adds it to the model's, twice"
        " the price",
        fix="set gen_ai.usage.* on the chat span alone",
    )


def known_or_unknown(evidence: Evidence) -> Result:
    """Check that a call that used tokens has a cost, or none at all, which counts as unknown."""
    calls = [row for row in evidence.rows if row.type in _PRICED]
    free = [row for row in calls if row.tokens and row.cost and row.total_cost == 0]
    if free:
        return broken(
            f"{len(free)} of {len(calls)} calls cost $0",
            span=free[0],
            cause="tokens were used, and the cost sent was 0 or a text, which Langfuse stores as 0",
            fix="send gen_ai.usage.cost as a number, or leave it out when it is unknown",
        )
    unknown = sum(row.is_unknown_cost or not row.tokens for row in calls)
    known = f"{len(calls) - unknown} of {len(calls)} calls"
    return kept(f"{known}, {unknown} unknown" if unknown else known)
