"""Langfuse's trace context (session, user, trace name, version, tags, metadata) as baggage.

`langfuse_trace_context()` wraps one turn. Every span that starts inside it, in any task or
thread that inherits the context, gets the same values from `LangfuseBaggageSpanProcessor`.
This module needs the OpenTelemetry API and nothing else, so it can be copied into a service.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import baggage
from opentelemetry import context as otel_context

__all__ = [
    "ALLOWED_METADATA",
    "LANGFUSE_BAGGAGE_KEYS",
    "LANGFUSE_TAGS_BAGGAGE_KEY",
    "InvalidTraceContextError",
    "langfuse_trace_context",
]

ALLOWED_METADATA: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"development", "staging", "production"}),
    "workflow": frozenset({"order-status", "refund", "handoff"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team", "enterprise"}),
}
"""Metadata keys and the values each may have: small sets, so that filters stay usable."""

LANGFUSE_BAGGAGE_KEYS: Final = frozenset(
    {
        "langfuse.session.id",
        "langfuse.user.id",
        "langfuse.trace.name",
        "langfuse.version",
        *(f"langfuse.trace.metadata.{key}" for key in ALLOWED_METADATA),
    }
)
"""Baggage entries that become the span attribute of the same name."""

LANGFUSE_TAGS_BAGGAGE_KEY: Final = "app.langfuse.trace.tags"
"""Tags as a JSON array: baggage values are strings, and a tag may contain a comma."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_MAX_TEXT = 200
_MAX_TAGS = 20


class InvalidTraceContextError(ValueError):
    """The values are not fit to travel on every span; the message names fields, never values."""


@contextmanager
def langfuse_trace_context(
    *,
    session_id: str,
    user_id: str,
    trace_name: str,
    version: str,
    tags: Sequence[str],
    metadata: Mapping[str, str],
) -> Iterator[None]:
    """Give every span that starts inside the block this Langfuse context.

    Args:
        session_id: The conversation; 1 to 200 of `A-Z a-z 0-9 . _ : -`.
        user_id: A pseudonym, same characters; never an e-mail address or account id.
        trace_name: What one turn is called, at most 200 characters.
        version: The deployed build, at most 200 characters.
        tags: At most 20, each at most 200 characters; commas are fine.
        metadata: Keys and values from `ALLOWED_METADATA`.

    Raises:
        InvalidTraceContextError: Names every field that is wrong.

    The baggage stays in this process as long as no baggage propagator is installed;
    `configure_tracing()` installs `traceparent` alone.
    """
    _check(session_id, user_id, {"trace_name": trace_name, "version": version}, tags, metadata)
    entries = {
        "langfuse.session.id": session_id,
        "langfuse.user.id": user_id,
        "langfuse.trace.name": trace_name,
        "langfuse.version": version,
        **{f"langfuse.trace.metadata.{key}": value for key, value in metadata.items()},
        LANGFUSE_TAGS_BAGGAGE_KEY: json.dumps(list(tags)),
    }
    context = otel_context.get_current()
    for key, value in entries.items():
        context = baggage.set_baggage(key, value, context=context)
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def _check(
    session_id: str,
    user_id: str,
    texts: Mapping[str, str],
    tags: Sequence[str],
    metadata: Mapping[str, str],
) -> None:
    problems = [
        f"{name} must be 1 to 200 characters of A-Z a-z 0-9 . _ : -"
        for name, value in (("session_id", session_id), ("user_id", user_id))
        if not (isinstance(value, str) and _ID.fullmatch(value))
    ]
    problems += [
        f"{name} must be 1 to {_MAX_TEXT} characters"
        for name, value in texts.items()
        if not _is_text(value)
    ]
    if isinstance(tags, str) or len(tags) > _MAX_TAGS or not all(map(_is_text, tags)):
        problems.append(
            f"tags must be a list of at most {_MAX_TAGS} texts of 1 to {_MAX_TEXT} characters"
        )
    for key, value in metadata.items():
        if key not in ALLOWED_METADATA:
            problems.append(f"a metadata key is not one of {', '.join(ALLOWED_METADATA)}")
        elif value not in ALLOWED_METADATA[key]:
            problems.append(
                f"metadata {key} must be one of {', '.join(sorted(ALLOWED_METADATA[key]))}"
            )
    if problems:
        raise InvalidTraceContextError("; ".join(problems) + ".")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_TEXT
