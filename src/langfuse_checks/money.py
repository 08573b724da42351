"""Promises about usage and cost: on the right spans, attributed, and never $0 by silence."""

from typing import Final

from langfuse_checks.evidence import Evidence
from langfuse_checks.results import Result, broken, kept, unchecked

__all__ = ["attributed", "known_cost", "usage"]

_PRICED: Final = frozenset({"GENERATION", "EMBEDDING"})
_CENTS: Final = 1e-9


def attributed(evidence: Evidence) -> Result:
    """What the session cost is the user's, by its observations and by the metrics."""
    wanted = evidence.expected
    total = sum(row.total_cost for row in evidence.rows)
    lost = [r for r in evidence.rows if (r.session_id, r.user_id) != (wanted.session, wanted.user)]
    missing = sum(row.total_cost for row in lost)
    if not any(row.user_id == wanted.user for row in evidence.rows):
        return broken(
            "the user is not listed",
            span=evidence.rows[0],
            cause="no observation of the session names this user",
            fix="send langfuse.user.id on every span, or name the right user (--user)",
        )
    if missing > _CENTS:
        return broken(
            f"${missing:.6f} of ${total:.6f} is nobody's",
            span=next(row for row in lost if row.total_cost),
            cause="Langfuse adds up the spans that name the user; the one that cost does not",
            fix="put session and user on every span, the model's above all",
        )
    if isinstance(evidence.cost_by_user, str):
        return unchecked(f"${total:.6f} by its observations; {evidence.cost_by_user}")
    others = sum(c for user, c in evidence.cost_by_user.items() if user != wanted.user)
    counted = evidence.cost_by_user.get(wanted.user, 0.0)
    if others > _CENTS or abs(counted - total) > _CENTS:
        return broken(
            f"${counted:.6f} of ${total:.6f}",
            cause="/v2/metrics adds the session up to another sum than its observations do",
            fix="wait for ingestion to finish and run it again; a span sent twice counts twice",
        )
    return kept(f"${total:.6f}")


def usage(evidence: Evidence) -> Result:
    """No other span repeats what a generation reports."""
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


def known_cost(evidence: Evidence) -> Result:
    """A call that used tokens has a cost, or is counted as unknown."""
    calls = [row for row in evidence.rows if row.type in _PRICED]
    silent = [row for row in calls if row.tokens and row.cost and row.total_cost == 0]
    if silent:
        return broken(
            f"{len(silent)} of {len(calls)} calls cost $0",
            span=silent[0],
            cause="tokens were used, and the cost sent was 0 or a text, which Langfuse stores as 0",
            fix="send gen_ai.usage.cost as a number, or leave it out when it is unknown",
        )
    unknown = sum(row.is_unknown_cost or not row.tokens for row in calls)
    known = f"{len(calls) - unknown} of {len(calls)} calls"
    return kept(f"{known}, {unknown} unknown" if unknown else known)
