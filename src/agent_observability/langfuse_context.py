"""Langfuse's trace context (session, user, trace name, version, tags, metadata) in baggage.

`langfuse_trace_context()` wraps one turn; `LangfuseBaggageSpanProcessor` puts the values on every
span that starts inside it, in any task or thread that inherits the context. To copy it, take
`context_policy.py` and `privacy.py` along: all three need the OpenTelemetry API alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from .context_policy import ALLOWED_METADATA, ContextPolicy, InvalidTraceContextError

__all__ = [
    "ALLOWED_METADATA",
    "LANGFUSE_BAGGAGE_KEYS",
    "LANGFUSE_TAGS_BAGGAGE_KEY",
    "ContextPolicy",
    "InvalidTraceContextError",
    "langfuse_attributes",
    "langfuse_trace_context",
]

_SESSION, _USER = "langfuse.session.id", "langfuse.user.id"
_NAME, _VERSION = "langfuse.trace.name", "langfuse.version"
_METADATA: Final = "langfuse.trace.metadata."
LANGFUSE_BAGGAGE_KEYS: Final = frozenset(
    {_SESSION, _USER, _NAME, _VERSION, *(_METADATA + key for key in ALLOWED_METADATA)}
)
"""Baggage entries that become the span attribute of the same name."""

LANGFUSE_TAGS_BAGGAGE_KEY: Final = "app.langfuse.trace.tags"
"""Tags as a JSON array: baggage values are strings, and a tag may contain a comma."""

_OWN_ENTRIES: Final = ("langfuse.", LANGFUSE_TAGS_BAGGAGE_KEY)
_DEFAULT_POLICY: Final = ContextPolicy()

# What the processor reads: the same entries as ready attributes. Raw baggage is not copied to
# spans: anybody may set it, from a stranger's request header too, and nobody has validated it.
_ATTRIBUTES: Final = otel_context.create_key("langfuse-attributes")


@contextmanager
def langfuse_trace_context(
    *,
    session_id: str,
    user_id: str,
    trace_name: str,
    version: str,
    tags: Sequence[str],
    metadata: Mapping[str, str],
    policy: ContextPolicy = _DEFAULT_POLICY,
) -> Iterator[None]:
    """Give the active span and all spans that start inside the block this Langfuse context.

    `session_id` (the conversation) and `user_id` (a pseudonym) are 1 to 200 of `A-Za-z0-9._:-`;
    `trace_name`, `version` and each of at most 20 `tags` 1 to 200 characters; `metadata` is what
    the policy allows. A nested context replaces the outer one until it is left. Close an async
    generator that holds the block with `contextlib.aclosing`: a bare `break` leaves it open.

    Raises:
        InvalidTraceContextError: Names every field that is unfit, unless the policy drops them.
    """
    before = otel_context.get_current()
    labels = _labels(policy, trace_name, version, tags, metadata)
    inside = _inside(before, labels, policy, session_id, user_id)
    if _ATTRIBUTES not in before:  # Else the active span has the context that it started in.
        trace.get_current_span(before).set_attributes(langfuse_attributes(inside))
    otel_context.attach(inside)
    try:
        yield
    finally:
        # Not detach(token), which logs an error when another task closes a generator.
        otel_context.attach(before)


def langfuse_attributes(context: Context | None = None) -> Mapping[str, AttributeValue]:
    """Return the context's span attributes, none outside of `langfuse_trace_context()`."""
    return cast("Mapping[str, AttributeValue]", otel_context.get_value(_ATTRIBUTES, context) or {})


@dataclass(frozen=True, slots=True)
class _Labels:
    """What many turns share, validated once: span attributes, baggage, problems by field."""

    attributes: Mapping[str, AttributeValue]
    baggage: Context
    problems: Mapping[str, str]


def _inside(
    before: Context, labels: _Labels, policy: ContextPolicy, session_id: str, user_id: str
) -> Context:
    bad_session, bad_user = policy.problem_with_id(session_id), policy.problem_with_id(user_id)
    if bad_session or bad_user or labels.problems:
        policy.refuse({"session_id": bad_session, "user_id": bad_user, **labels.problems})
    attributes, inside = {**labels.attributes}, labels.baggage
    # The ids go in last: the SDK evicts the oldest attributes of an overfull span.
    if not bad_session:
        attributes[_SESSION] = session_id
        inside = baggage.set_baggage(_SESSION, session_id, inside)
    if not bad_user:
        attributes[_USER] = user_id
        inside = baggage.set_baggage(_USER, user_id, inside)
    for key, value in baggage.get_all(before).items():
        if not key.startswith(_OWN_ENTRIES):
            inside = baggage.set_baggage(key, value, inside)
    # Merged, because every set_baggage() on the whole context copies all of it.
    return Context({**before, **inside, _ATTRIBUTES: attributes})


def _labels(
    policy: ContextPolicy, name: str, version: str, tags: Sequence[str], metadata: Mapping[str, str]
) -> _Labels:
    try:
        hashable = tuple(tags) if isinstance(tags, list) else tags
        return _new_labels(policy, name, version, hashable, tuple(metadata.items()))
    except (AttributeError, TypeError):  # A field of a wrong type, as validation will say.
        return _new_labels.__wrapped__(policy, name, version, tags, metadata)


@lru_cache(maxsize=256)
def _new_labels(
    policy: ContextPolicy, name: str, version: str, tags: Sequence[str], metadata: Any
) -> _Labels:
    metadata = dict(metadata) if isinstance(metadata, tuple) else metadata
    problems = policy.problems_with_labels(name, version, tags, metadata)
    fields = {"trace_name": (_NAME, name), "version": (_VERSION, version)}
    for key in policy.metadata if isinstance(metadata, Mapping) else ():
        if key in metadata:
            fields[f"metadata {key}"] = (_METADATA + key, metadata[key])
    entries = dict(entry for field, entry in fields.items() if field not in problems)
    attributes: dict[str, AttributeValue] = {**entries}
    if tags and "tags" not in problems:  # Langfuse makes a bogus tag of an empty array.
        attributes["langfuse.trace.tags"] = tuple(tags)
        entries[LANGFUSE_TAGS_BAGGAGE_KEY] = json.dumps(list(tags))
    inside = Context()
    for key, value in entries.items():
        inside = baggage.set_baggage(key, value, inside)
    return _Labels(attributes, inside, problems)
