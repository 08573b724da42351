"""The promise that no span of a turn lies outside its trace.

Two kinds of spans do. An orphan's parent is not in its trace. A lone step is a root that is no
turn's, of the same service, that started during a turn or soon after it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ..records import Observation, by_trace
from .evidence import Evidence
from .nearby import SOON, turns
from .verdicts import Result, broken, kept

__all__ = ["no_strays"]

_OF_REQUESTS: Final = ("attributes.http.route", "attributes.http.target", "attributes.url.path")
"""What a web framework puts on the root of a request, such as a health check, that is no turn."""


def no_strays(evidence: Evidence) -> Result:
    """Check that every step of a turn is in the turn's trace, below a parent that is there."""
    orphans, steps = list(_orphans(evidence)), list(_LoneSteps(evidence))
    count = f"{len(orphans) + len(steps)} stray spans"
    if orphans:
        return broken(
            count,
            span=orphans[0],
            cause="its parent is in another trace, or was lost or filtered on the way",
            fix="start it in the context of its parent, and export every span of a trace",
        )
    if steps:
        return broken(
            count,
            span=steps[0],
            cause="work ran on a thread or in a task that did not inherit the turn's context",
            fix="hand `contextvars.copy_context().run` to the thread, or instrument threads with"
            " opentelemetry-instrumentation-threading",
        )
    return kept(count)


def _orphans(evidence: Evidence) -> Iterator[Observation]:
    own = {row.id for row in evidence.rows}
    for trace in by_trace(evidence.rows).values():
        if any(row.is_root for row in trace):  # Without one, it is the root that is missing.
            yield from _without_parent(trace)
    for trace in by_trace(evidence.nearby).values():
        yield from (row for row in _without_parent(trace) if row.parent_id in own)


def _without_parent(trace: Sequence[Observation]) -> Iterator[Observation]:
    ids = {row.id for row in trace}
    return (row for row in trace if row.parent_id and row.parent_id not in ids)


class _LoneSteps:
    """Iterates over the lone steps of a session."""

    def __init__(self, evidence: Evidence) -> None:
        self._nearby = evidence.nearby
        self._roots = [row for row in evidence.rows if row.is_root]
        steps = {row.name for row in evidence.rows if not row.is_root}
        # Agents start turns. Where no agent is known, a root does that is nowhere a step.
        agents = {root.name for root in self._roots if root.type == "AGENT"}
        self._turn_names = agents or {root.name for root in self._roots} - steps
        own = [row for row in evidence.rows if row.trace_id not in self._traces_of_steps()]
        self._turns = turns(own)

    def __iter__(self) -> Iterator[Observation]:
        for row in (*self._roots, *(row for row in self._nearby if row.is_root)):
            if any(key in row.metadata for key in _OF_REQUESTS) or self._is_of_another(row):
                continue
            if self._is_turn(row):
                # Another user's turn names its session, and one of this session is no stray.
                if row in self._nearby and not row.session_id and self._is_during(row):
                    yield row
            elif self._is_during(row) or self._is_soon_after(row):
                yield row

    def _traces_of_steps(self) -> set[str]:
        return {root.trace_id for root in self._roots if not self._is_turn(root)}

    def _is_turn(self, root: Observation) -> bool:
        return root.type == "AGENT" or root.name in self._turn_names

    def _is_of_another(self, root: Observation) -> bool:
        """Whether a session that has its own turns or steps nearby is the one that left it."""
        return bool(root.session_id) and any(
            row.session_id == root.session_id
            and row.trace_id != root.trace_id
            and (not row.is_root or self._is_turn(row))
            for row in self._nearby
        )

    def _is_during(self, row: Observation) -> bool:
        return any(
            turn.start <= row.start < turn.end and turn.trace_id != row.trace_id
            for turn in self._turns
        )

    def _is_soon_after(self, row: Observation) -> bool:
        """Whether the latest turn before it, of any session, is one of these."""
        others = [r for r in self._nearby if r.is_root and self._is_turn(r)]
        before = [turn for turn in (*self._turns, *turns(others)) if turn.start <= row.start]
        latest = max(before, key=lambda turn: turn.start, default=None)
        return latest is not None and latest in self._turns and row.start < latest.end + SOON
