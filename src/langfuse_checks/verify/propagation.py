"""Promises about propagation: every observation of a session carries the session, the user, ..."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from ..records import Observation
from .evidence import Evidence, Expected
from .metadata import ALLOWED_VALUES
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

_REQUIRED_METADATA: Final = ("environment", "workflow", "region")
_ATTRIBUTES: Final = "attributes."
_AROUND: Final = "enter langfuse_trace_context() around run_agent(), before the root span starts"
_ON_EVERY_SPAN: Final = "add LangfuseBaggageSpanProcessor() before the BatchSpanProcessor"
_ANOTHER_VALUE: Final = (
    "its value is not that of its trace's root",
    "enter langfuse_trace_context() once a turn, with the values of the whole turn",
)
_RESOURCE: Final = "set deployment.environment.name on the resource, in lower case"


Predicate = Callable[[Observation, Expected], bool]
Value = Callable[[Observation], str | None]

_CARRIES: Final[Mapping[str, Predicate]] = {
    "carries_session": lambda row, expected: row.session_id == expected.session,
    "carries_user": lambda row, expected: row.user_id == expected.user,
    "carries_trace_name": lambda row, expected: row.trace_name == expected.trace_name,
    "carries_version": lambda row, _: bool(row.version),
    "carries_tags": lambda row, expected: row.tags == expected.tags,
    "carries_environment": lambda row, _: row.environment not in {"", "default"},
    "carries_metadata": lambda row, _: all(key in row.metadata for key in _REQUIRED_METADATA),
}


def _bounded(row: Observation, key: str) -> str | None:
    """Return a value of bounded metadata; None for one out of bounds, another promise's affair."""
    value = str(row.metadata.get(key, ""))
    return value if value in {"", *ALLOWED_VALUES[key]} else None


_SAME_IN_TRACE: Final[Mapping[str, Sequence[Value]]] = {
    "carries_version": [lambda row: row.version],
    "carries_environment": [lambda row: row.environment],
    "carries_metadata": [partial(_bounded, key=key) for key in ALLOWED_VALUES],
}


def carried_by_all(id_: str) -> Callable[[Evidence], Result]:
    """Return the check of one id of `CARRIED`."""
    return lambda evidence: _result(id_, evidence)


def _result(id_: str, evidence: Evidence) -> Result:
    without = [row for row in evidence.rows if not _CARRIES[id_](row, evidence.expected)]
    differing = _differing(id_, evidence)
    lacking = {_key(row) for row in (*without, *differing)}
    missing = [row for row in evidence.rows if _key(row) in lacking]
    count = f"{len(evidence.rows) - len(missing)}/{len(evidence.rows)}"
    if not missing:
        return kept(count)
    cause, fix = _diagnosis(id_, without, evidence) if without else _ANOTHER_VALUE
    return broken(count, span=missing[0], cause=cause, fix=fix)


def _differing(id_: str, evidence: Evidence) -> list[Observation]:
    """Return the rows with another value than their trace's, which is that of its root."""
    differing = []
    for rows in evidence.traces.values():
        for value in _SAME_IN_TRACE.get(id_, ()):
            of_trace = _of_trace(rows, value)
            differing += [row for row in rows if value(row) not in {None, of_trace}]
    return differing


def _of_trace(rows: Sequence[Observation], value: Value) -> str | None:
    root_first = sorted(rows, key=lambda row: not row.is_root)
    return next((value(row) for row in root_first if value(row)), "")


def _diagnosis(id_: str, missing: Sequence[Observation], evidence: Evidence) -> tuple[str, str]:
    first = missing[0]
    if id_ == "carries_tags" and first.tags:
        return (
            f"{len(first.tags)} tags, not {len(evidence.expected.tags)}: a text is split at commas",
            "send langfuse.trace.tags as an array; in baggage, as a JSON array",
        )
    if id_ == "carries_metadata" and any(
        _ATTRIBUTES + key in first.metadata for key in _REQUIRED_METADATA
    ):
        return (
            "the values arrived as plain attributes, which are no filters",
            "give each key the prefix langfuse.trace.metadata.",
        )
    if id_ == "carries_environment":
        return "it is `default`: none was sent, or it is not of a-z 0-9 _ -", _RESOURCE
    return _likely_cause(missing, evidence.rows)


def _likely_cause(missing: Sequence[Observation], rows: Sequence[Observation]) -> tuple[str, str]:
    """Guess the cause from which spans lack it: all, all but the root, the root too, or a few."""
    lacking = {_key(row) for row in missing}
    having = [row for row in rows if _key(row) not in lacking]
    if not having:
        return "no span carries it, or each carries another value", _AROUND
    if all(row.is_root for row in having):
        return "the root alone carries it", _ON_EVERY_SPAN
    if any(row.is_root for row in missing):
        return "the context was entered after the root span had started", _AROUND
    return "these spans started where the context does not reach", _AROUND


def _key(row: Observation) -> tuple[str, str]:
    return row.trace_id, row.id
