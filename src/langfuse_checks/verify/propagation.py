"""Promises about propagation: every observation of a session carries the session, the user, ..."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..records import Observation
from .evidence import Evidence, Expected
from .verdicts import Result, broken, kept

__all__ = ["CARRIED", "carried_by_all"]

CARRIED: Final[Mapping[str, str]] = {
    "carries_session": "the session",
    "carries_user": "the user",
    "carries_trace_name": "the trace name",
    "carries_version": "one version",
    "carries_tags": "the tags",
    "carries_environment": "the environment",
    "carries_metadata": "the bounded metadata",
}
"""What every observation carries, by the id of its promise."""

_METADATA: Final = ("environment", "workflow", "region")
_ATTRIBUTES: Final = "attributes."
_AROUND: Final = "enter langfuse_trace_context() around run_agent(), before the root span starts"
_ON_EVERY_SPAN: Final = "add LangfuseBaggageSpanProcessor() before the BatchSpanProcessor"
_RESOURCE: Final = "set deployment.environment.name on the resource, in lower case"

Predicate = Callable[[Observation, Expected], bool]

_CARRIES: Final[Mapping[str, Predicate]] = {
    "carries_session": lambda row, expected: row.session_id == expected.session,
    "carries_user": lambda row, expected: row.user_id == expected.user,
    "carries_trace_name": lambda row, expected: row.trace_name == expected.trace_name,
    "carries_tags": lambda row, expected: row.tags == expected.tags,
    "carries_environment": lambda row, _: row.environment not in {"", "default"},
    "carries_metadata": lambda row, _: all(key in row.metadata for key in _METADATA),
}


def carried_by_all(id_: str) -> Callable[[Evidence], Result]:
    """Return the check of one id of `CARRIED`."""
    return lambda evidence: _result(id_, evidence)


def _result(id_: str, evidence: Evidence) -> Result:
    missing = _without_version(evidence) if id_ == "carries_version" else _without(id_, evidence)
    count = f"{len(evidence.rows) - len(missing)}/{len(evidence.rows)}"
    if not missing:
        return kept(count)
    cause, fix = _diagnosis(id_, missing, evidence)
    return broken(count, span=missing[0], cause=cause, fix=fix)


def _without(id_: str, evidence: Evidence) -> list[Observation]:
    carries = _CARRIES[id_]
    return [row for row in evidence.rows if not carries(row, evidence.expected)]


def _without_version(evidence: Evidence) -> list[Observation]:
    """Return the rows that lack the version of their trace, which is that of its root."""
    versions = {row.trace_id: row.version for row in evidence.rows if row.is_root}
    return [r for r in evidence.rows if not r.version or r.version != versions.get(r.trace_id)]


def _diagnosis(id_: str, missing: Sequence[Observation], evidence: Evidence) -> tuple[str, str]:
    first = missing[0]
    if id_ == "carries_tags" and first.tags:
        return (
            f"{len(first.tags)} tags, not {len(evidence.expected.tags)}: a text is split at commas",
            "send langfuse.trace.tags as an array; in baggage, as a JSON array",
        )
    if id_ == "carries_metadata" and any(_ATTRIBUTES + key in first.metadata for key in _METADATA):
        return (
            "the values arrived as plain attributes, which are no filters",
            "give each key the prefix langfuse.trace.metadata.",
        )
    if id_ == "carries_environment":
        return "it is `default`: none was sent, or it is not of a-z 0-9 _ -", _RESOURCE
    return _likely_cause(missing, evidence.rows)


def _likely_cause(missing: Sequence[Observation], rows: Sequence[Observation]) -> tuple[str, str]:
    """Guess the cause from which spans lack it: all, all but the root, the root too, or a few."""
    lacking = {(row.trace_id, row.id) for row in missing}
    having = [row for row in rows if (row.trace_id, row.id) not in lacking]
    if not having:
        return "no span carries it, or each carries another value", _AROUND
    if all(row.is_root for row in having):
        return "the root alone carries it", _ON_EVERY_SPAN
    if any(row.is_root for row in missing):
        return "the context was entered after the root span had started", _AROUND
    return "these spans started where the context does not reach", _AROUND
