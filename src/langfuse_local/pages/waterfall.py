"""A trace's observations as the rows of a waterfall: nested, and each with its bar.

Every observation gets exactly one row, also when its parent never arrived or when parents go
round in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..mapping.observation import Observation

__all__ = ["Bar", "waterfall"]

_SHORTEST = 0.4  # percent; a bar one can still see and click


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
    began = min(each.start_time for each in observations)
    total = max(max(each.end_time for each in observations) - began, 1)
    known = {each.id for each in observations}
    return [
        _bar(each, depth, began, total, is_orphan=depth == 0 and each.parent_id is not None)
        for each, depth in _nested(observations, known)
    ]


def _nested(
    observations: Sequence[Observation], known: set[str]
) -> Iterator[tuple[Observation, int]]:
    children: dict[str | None, list[Observation]] = {}
    for each in sorted(observations, key=lambda one: (one.start_time, one.id), reverse=True):
        parent = each.parent_id if each.parent_id in known else None
        children.setdefault(parent, []).append(each)
    seen: set[str] = set()
    yield from _walk([(each, 0) for each in children.get(None, [])], children, seen)
    for each in _by_start(observations):  # What is left goes round in a circle.
        if each.id not in seen:
            yield from _walk([(each, 0)], children, seen)


def _walk(
    stack: list[tuple[Observation, int]],
    children: dict[str | None, list[Observation]],
    seen: set[str],
) -> Iterator[tuple[Observation, int]]:
    while stack:  # Not recursive: a sender decides how deep a trace is.
        each, depth = stack.pop()
        if each.id in seen:
            continue
        seen.add(each.id)
        yield each, depth
        stack += [(child, depth + 1) for child in children.get(each.id, [])]


def _by_start(observations: Iterable[Observation]) -> list[Observation]:
    return sorted(observations, key=lambda each: (each.start_time, each.id))


def _bar(each: Observation, depth: int, began: int, total: int, *, is_orphan: bool) -> Bar:
    left = min((each.start_time - began) / total * 100, 100 - _SHORTEST)
    share = (each.end_time - each.start_time) / total * 100
    return Bar(each, depth, left, min(max(share, _SHORTEST), 100 - left), is_orphan)
