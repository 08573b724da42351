"""The promise about privacy: nothing private is in a value that every span carries."""

import re
from collections.abc import Iterable
from typing import Final

from ..records import Observation
from .evidence import Evidence
from .verdicts import Result, broken, kept

__all__ = ["nothing_private"]

_UNPROPAGATED: Final = ("resourceAttributes.", "scope.")
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


def nothing_private(evidence: Evidence) -> Result:
    """Check propagated values for e-mail addresses, order references, tokens and the query."""
    queries = {row.input.casefold() for row in evidence.rows if len(row.input) >= _SHORTEST_QUERY}
    count = 0
    offenders: list[tuple[Observation, str, str]] = []
    for row in evidence.rows:
        for name, text in _propagated(row):
            count += 1
            if kind := _looks_like(text, queries):
                offenders.append((row, name, kind))
    if not offenders:
        return kept(f"0 of {count} values")
    span, name, kind = offenders[0]
    return broken(
        f"{len(offenders)} of {count} values",
        span=span,
        cause=f"{name} holds {kind}",  # The value itself is not repeated.
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
        if not key.startswith(_UNPROPAGATED):
            yield f"metadata {key}", str(value)


def _looks_like(text: str, queries: set[str]) -> str | None:
    if any(query in text.casefold() for query in queries):
        return "the query's text"
    return next((kind for kind, pattern in _PRIVATE if pattern.search(text)), None)
