"""The promise about privacy: nothing private is in a value that every span carries."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ..privacy import looks_like, rules
from ..records import Observation
from .evidence import Evidence
from .verdicts import Result, broken, kept

__all__ = ["nothing_private"]

# Langfuse puts it before the keys of attributes that it does not map.
_PLACE: Final = re.compile(r"^(?:attributes|resourceAttributes|scope(?:\.attributes)?)\.")


def nothing_private(evidence: Evidence) -> Result:
    """Check propagated values, metadata and resources for what the application refuses."""
    # What may be a tag may be a question, too: only what people write is looked for elsewhere.
    queries = {row.input.casefold() for row in evidence.rows if looks_like(row.input)}
    count = 0
    offenders: list[tuple[Observation, str]] = []
    for row in evidence.rows:
        for name, kind in _found(row, queries):
            count += 1
            if kind:
                offenders.append((row, f"{name} holds {kind}"))
    if not offenders:
        return kept(f"0 of {count} values")
    span, cause = offenders[0]
    return broken(
        f"{len(offenders)} of {count} values",
        span=span,
        cause=cause,  # The value itself is not repeated.
        fix="send a pseudonym or a bounded value; delete what is stored",
    )


def _found(row: Observation, queries: set[str]) -> Iterable[tuple[str, str | None]]:
    """Yield a name for each value, and what is private in it."""
    for name, text in (
        ("the session id", row.session_id),
        ("the user id", row.user_id),
        ("the trace name", row.trace_name),
        ("the version", row.version),
        ("the environment", row.environment),
        *(("a tag", tag) for tag in row.tags),
    ):
        yield name, _query_in(text, queries) or looks_like(text)
    yield "the name", _query_in(row.name, queries) or _private_in(row.name)
    for key, value in row.metadata.items():
        if kind := _private_in(_PLACE.sub("", key)):
            yield "a key of metadata", kind
            continue
        text = "\n".join(_texts(value))
        # One span's metadata may be a sentence; what must travel on every span is none.
        yield f"metadata {key}", _query_in(text, queries) or _private_in(text)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, Mapping):
        for each in (*value.keys(), *value.values()):
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)


def _query_in(text: str, queries: set[str]) -> str | None:
    return "the query's text" if any(query in text.casefold() for query in queries) else None


def _private_in(text: str) -> str | None:
    return next((rule.name for rule in rules() if rule.occurs_in(text)), None)
