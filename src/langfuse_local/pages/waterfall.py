"""Lays out a trace's observations as the rows of a waterfall: nested, and each with its bar.

Every observation has exactly one row, even if its parent never arrived or if parents form a
circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..mapping.observation import Observation

__all__ = ["Bar", "waterfall"]

_SHORTEST = 0.4  # percent; a bar that can still be seen and clicked


@dataclass(frozen=True, slots=True)
class Bar:
    """One row; `left` and `width` are percent of the trace's duration, within 0 to 100."""

    observation: Observation
    depth: int
    left: float
    width: float
    is_orphan: bool


def waterfall(observations: Sequence[Observation]) -> list[Bar]:
    """Order observations as a tree, children by start, orphans and circles at the top level."""
    if not observations:
        return []
    trace_start = min(observation.start_time for observation in observations)
    total = max(max(observation.end_time for observation in observations) - trace_start, 1)
    known = {observation.id for observation in observations}
    return [
        _bar(
            observation,
            depth,
            trace_start,
            total,
            is_orphan=depth == 0 and observation.parent_id is not None,
        )
        for observation, depth in _nested(observations, known)
    ]


def _nested(
    observations: Sequence[Observation], known: set[str]
) -> Iterator[tuple[Observation, int]]:
    children: dict[str | None, list[Observation]] = {}
    for observation in sorted(observations, key=_start_and_id, reverse=True):
        parent = observation.parent_id if observation.parent_id in known else None
        children.setdefault(parent, []).append(observation)
    seen: set[str] = set()
    yield from _walk([(observation, 0) for observation in children.get(None, [])], children, seen)
    for observation in sorted(observations, key=_start_and_id):  # The rest are parents in a circle.
        if observation.id not in seen:
            yield from _walk([(observation, 0)], children, seen)


def _walk(
    stack: list[tuple[Observation, int]],
    children: dict[str | None, list[Observation]],
    seen: set[str],
) -> Iterator[tuple[Observation, int]]:
    while stack:  # Not recursive: a sender decides how deep a trace is.
        observation, depth = stack.pop()
        if observation.id in seen:
            continue
        seen.add(observation.id)
        yield observation, depth
        stack += [(child, depth + 1) for child in children.get(observation.id, [])]


def _start_and_id(observation: Observation) -> tuple[int, str]:
    return observation.start_time, observation.id


def _bar(
    observation: Observation, depth: int, trace_start: int, total: int, *, is_orphan: bool
) -> Bar:
    left = min((observation.start_time - trace_start) / total * 100, 100 - _SHORTEST)
    share = (observation.end_time - observation.start_time) / total * 100
    return Bar(observation, depth, left, min(max(share, _SHORTEST), 100 - left), is_orphan)
