"""The table of promises: what the chapter says is there, each a pure function of the evidence."""

from collections.abc import Sequence
from typing import Final

from langfuse_checks import bounds, money, turns
from langfuse_checks.coverage import COVERED, carried
from langfuse_checks.evidence import Evidence
from langfuse_checks.results import Promise, Result, Verdict, kept, unchecked

__all__ = ["PROMISES", "check"]


def check(evidence: Evidence) -> list[Verdict]:
    """Check every promise, in the table's order."""
    return [Verdict(each.id, each.words, _result(each, evidence)) for each in PROMISES]


def _result(promise: Promise, evidence: Evidence) -> Result:
    if promise.needs_rows and not evidence.rows:
        return unchecked("the session holds nothing to look at")
    return promise.check(evidence)


def _feedback(evidence: Evidence) -> Result:
    if isinstance(evidence.scores, str):
        return unchecked(evidence.scores)
    count = len(evidence.scores)
    scores = f"{count} score" if count == 1 else f"{count} scores"
    return kept(scores if count else "none yet: make feedback VALUE=up")


PROMISES: Final[Sequence[Promise]] = (
    Promise("session", "the session holds two traces or more", turns.session, needs_rows=False),
    Promise("root", "each trace has one root named order-status-turn", turns.root),
    Promise("strays", "no span of a turn lies outside its trace", turns.strays),
    *(
        Promise(id_, f"every observation carries {words}", carried(id_))
        for id_, words in COVERED.items()
    ),
    Promise("trace_id", "no trace id is used as a session id", turns.trace_ids, needs_rows=False),
    Promise("cost_by_user", "all cost is attributed to the listed user", money.attributed),
    Promise("usage", "usage is on generations only", money.usage),
    Promise("cost", "every cost is known, or said to be unknown", money.known_cost),
    Promise("bounded", "metadata values are of the bounded sets", bounds.bounded),
    Promise("private", "nothing private is in a propagated value", bounds.private),
    Promise("feedback", "feedback is readable on the session", _feedback),
)
