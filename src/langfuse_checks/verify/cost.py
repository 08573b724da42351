"""Promises about usage and cost: on the right spans, attributed to the user, never a silent $0."""

from typing import Final

from ..records import Observation
from .evidence import Evidence
from .verdicts import Result, absent, broken, kept, unchecked

__all__ = ["attributed_to_user", "known_or_unknown", "usage_on_generations"]

_PRICED: Final = frozenset({"GENERATION", "EMBEDDING"})
_TOLERANCE_USD: Final = 1e-9
_DROPPED: Final = "attributes.gen_ai.usage."
_ON_CHAT: Final = "set gen_ai.usage.* on the chat span alone"


def attributed_to_user(evidence: Evidence) -> Result:
    """Check that the session's cost is the user's, by its observations and by the metrics."""
    expected = evidence.expected
    total = sum(row.total_cost for row in evidence.rows)
    costs = [row for row in evidence.rows if row.total_cost]
    lost = [r for r in costs if (r.session_id, r.user_id) != (expected.session, expected.user)]
    if not any(row.user_id == expected.user for row in evidence.rows):
        return broken(
            "the user is not listed",
            span=evidence.rows[0],
            cause="no observation of the session names this user",
            fix="send langfuse.user.id on every span, or name the right user (USER=)",
        )
    if lost:
        return broken(
            f"${sum(row.total_cost for row in lost):.6f} of ${total:.6f} is not the user's",
            span=lost[0],
            cause="Langfuse adds up the spans that name the user; the one that cost does not",
            fix="put session and user on every span, the model's above all",
        )
    if not costs:
        return absent("no cost is known")
    return _as_counted(evidence, total)


def _as_counted(evidence: Evidence, total: float) -> Result:
    if isinstance(evidence.cost_by_user, str):
        return unchecked(f"${total:.6f} by its observations; {evidence.cost_by_user}")
    user = evidence.expected.user
    counted = evidence.cost_by_user.get(user, 0.0)
    others = sum(abs(usd) for name, usd in evidence.cost_by_user.items() if name != user)
    if others > _TOLERANCE_USD or abs(counted - total) > _TOLERANCE_USD:
        return broken(
            f"${counted:.6f} of ${total:.6f}",
            cause="/v2/metrics adds the session up to another sum than its observations do",
            fix="wait for ingestion to finish and run it again; a span sent twice counts twice",
        )
    return kept(f"${total:.6f}")


def usage_on_generations(evidence: Evidence) -> Result:
    """Check that generations have usage, and that no other observation repeats it."""
    calls = [row for row in evidence.rows if row.type in _PRICED]
    wrong = [r for r in evidence.rows if (r.usage or r.cost) and r.type not in _PRICED]
    if wrong:
        return broken(
            f"{len(wrong)} other observations have it",
            span=wrong[0],
            cause=f"a {wrong[0].type} carries usage or cost: Langfuse adds it to the model's,"
            " twice the price",
            fix=_ON_CHAT,
        )
    if misplaced := _misplaced(evidence):
        return broken(
            f"{len(misplaced)} other observations have it",
            span=misplaced[0],
            cause="usage is on the agent's span alone, from which Langfuse drops it",
            fix=_ON_CHAT,
        )
    if not calls:
        return absent("no model was called")
    with_usage = sum(bool(row.usage) for row in calls)
    if not with_usage:
        return unchecked(f"none of {len(calls)} calls has it")
    return kept(f"{with_usage} observations have it")


def _misplaced(evidence: Evidence) -> list[Observation]:
    """Return what carries usage that Langfuse drops, in traces whose calls have none."""
    return [
        row
        for rows in evidence.traces.values()
        if not any(row.usage for row in rows if row.type in _PRICED)
        for row in rows
        if row.type not in _PRICED and any(key.startswith(_DROPPED) for key in row.metadata)
    ]


def known_or_unknown(evidence: Evidence) -> Result:
    """Check that a call that used tokens has a cost, or none at all, which counts as unknown."""
    calls = [row for row in evidence.rows if row.type in _PRICED]
    if negative := [row for row in evidence.rows if any(usd < 0 for usd in row.cost.values())]:
        return broken(
            f"{len(negative)} costs are below $0",
            span=negative[0],
            cause="a negative cost was sent, which lowers the sums of its session and its user",
            fix="send gen_ai.usage.cost as the price of the call; book credits elsewhere",
        )
    free = [row for row in calls if row.tokens and row.cost and row.total_cost == 0]
    if free:
        return broken(
            f"{len(free)} of {len(calls)} calls cost $0",
            span=free[0],
            cause="tokens were used, and the cost sent was 0 or a text, which Langfuse stores as 0",
            fix="send gen_ai.usage.cost as a number, or leave it out when it is unknown",
        )
    if not calls:
        return absent("no model was called")
    if not any(row.tokens or row.cost for row in calls):
        return unchecked(f"none of {len(calls)} calls says what it used")
    unknown = sum(not row.cost for row in calls)
    known = f"{len(calls) - unknown} of {len(calls)} calls"
    return kept(f"{known}, {unknown} unknown" if unknown else known)
