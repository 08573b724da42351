"""Promises about values: of the bounded sets, and with nothing private in them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from langfuse_checks.evidence import Evidence
from langfuse_checks.results import Result, broken, kept
from langfuse_checks.rows import Observation

__all__ = ["bounded", "private"]

_BOUNDED: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"development", "staging", "production"}),
    "workflow": frozenset({"order-status", "refund", "handoff"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team", "enterprise"}),
}
_OTHER_BLOCKS: Final = ("resourceAttributes.", "scope.")
_PRIVATE: Final = (
    ("an e-mail address", re.compile(r"[\w.%+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")),
    ("an order reference", re.compile(r"(?<![^\W_])order[-_ #]*\d+", re.IGNORECASE)),
    (
        "a token",
        re.compile(
            r"(?<![^\W_])(?:bearer|basic)\s+[\w.~+/=-]{12,}|\beyJ[\w-]{8,}\.[\w-]{8,}"
            r"|\b(?:sk|pk|rk)-[\w-]{16,}|\bgh[pousr]_\w{20,}|\bA(?:KIA|SIA)[0-9A-Z]{16}\b",
            re.IGNORECASE,
        ),
    ),
)
_SHORTEST_QUERY: Final = 8  # characters; a shorter text occurs in ids and names by chance


def bounded(evidence: Evidence) -> Result:
    """Metadata has the values that filters are made for."""
    seen = 0
    for row in evidence.rows:
        for key, allowed in _BOUNDED.items():
            if key not in row.metadata:
                continue
            seen += 1
            if str(row.metadata[key]) not in allowed:
                return broken(
                    f"metadata {key}",
                    span=row,
                    cause=f"it is none of {', '.join(sorted(allowed))}",
                    fix="send one of them: values that grow for ever are no filter",
                )
    return kept(f"{seen} values")


def private(evidence: Evidence) -> Result:
    """No e-mail address, order reference, token or query is in what every span carries."""
    queries = {row.input.casefold() for row in evidence.rows if len(row.input) >= _SHORTEST_QUERY}
    count = 0
    found: list[tuple[Observation, str, str]] = []
    for row in evidence.rows:
        for name, text in _propagated(row):
            count += 1
            if what := _looks_like(text, queries):
                found.append((row, name, what))
    if not found:
        return kept(f"0 of {count} values")
    span, name, what = found[0]
    return broken(
        f"{len(found)} of {count} values",
        span=span,
        cause=f"{name} holds {what}",  # The value itself is not repeated.
        fix="send a pseudonym or a bounded value; delete what is stored",
    )


def _propagated(row: Observation) -> Iterable[tuple[str, str]]:
    yield from (
        ("the session id", row.session_id),
        ("the user id", row.user_id),
        ("the trace name", row.trace_name),
        ("the version", row.version),
        ("the environment", row.environment),
        *(("a tag", tag) for tag in row.tags),
    )
    for key, value in row.metadata.items():
        if not key.startswith(_OTHER_BLOCKS):
            yield f"metadata {key}", str(value)


def _looks_like(text: str, queries: set[str]) -> str | None:
    if any(query in text.casefold() for query in queries):
        return "the query's text"
    return next((what for what, pattern in _PRIVATE if pattern.search(text)), None)
