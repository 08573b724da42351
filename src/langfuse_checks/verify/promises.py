"""The table of promises: what the chapter says is there, each a pure function of the evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from . import arrived, cost, metadata, privacy, propagation, strays, traces
from .evidence import Evidence
from .verdicts import Result, Verdict, absent, kept, unchecked

__all__ = ["PROMISES", "check"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its name, its words, and how it is checked."""

    id: str
    words: str
    check: Callable[[Evidence], Result]
    needs_rows: bool = True


def check(evidence: Evidence) -> list[Verdict]:
    """Check every promise, in the table's order."""
    verdicts = (Verdict(each.id, each.words, _result(each, evidence)) for each in PROMISES)
    return [arrived.doubted(verdict, evidence.arrival) for verdict in verdicts]


def _result(promise: Promise, evidence: Evidence) -> Result:
    if promise.needs_rows and not evidence.rows:
        return unchecked("the session holds nothing to look at")
    return promise.check(evidence)


def _feedback(evidence: Evidence) -> Result:
    if isinstance(evidence.scores, str):
        return unchecked(evidence.scores)
    count = len(evidence.scores)
    if not count:
        return absent("nobody has given any: make feedback VALUE=up")
    return kept(f"{count} score" if count == 1 else f"{count} scores")


PROMISES: Final[Sequence[Promise]] = (
    Promise(
        arrived.ALL_ARRIVED,
        "all that was sent can be read",
        arrived.all_arrived,
        needs_rows=False,
    ),
    Promise(
        "session",
        "the session holds two traces or more",
        traces.session_has_turns,
        needs_rows=False,
    ),
    Promise("root", "each trace has one root named order-status-turn", traces.one_named_root),
    Promise("strays", "no span of a turn lies outside its trace", strays.no_strays),
    *(
        Promise(id_, f"every observation carries {words}", propagation.carried_by_all(id_))
        for id_, words in propagation.CARRIED.items()
    ),
    Promise(
        "trace_id",
        "no trace id is used as a session id",
        traces.no_trace_id_as_session,
        needs_rows=False,
    ),
    Promise("cost_by_user", "all cost is attributed to the listed user", cost.attributed_to_user),
    Promise("usage", "usage is on generations only", cost.usage_on_generations),
    Promise("cost", "every cost is known, or said to be unknown", cost.known_or_unknown),
    Promise("bounded", "metadata values are of the bounded sets", metadata.bounded_values),
    Promise("private", "nothing private is in a propagated value", privacy.nothing_private),
    Promise("feedback", "feedback is readable on the session", _feedback),
)
