"""Langfuse's trace context of one turn: session, user, trace name, version, tags and metadata.

A service copies this file and makes the metadata its own. It differs from a few lines of
`set_baggage()` in three points: values are checked before they travel; a tag may contain a comma;
and leaving the block is safe where another task finishes it (`langfuse_otel.restore`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from langfuse_otel import ContextPolicy, attach, contextmanager, join_tags, restore

__all__ = ["LANGFUSE_BAGGAGE_KEYS", "LANGFUSE_TAGS_BAGGAGE_KEY", "langfuse_trace_context"]

# Small, owned sets keep Langfuse's filters usable and cannot hold what a customer wrote. A new
# key also belongs into the guard of otel-collector-config.yaml.
ALLOWED_METADATA: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"development", "staging", "production"}),
    "workflow": frozenset({"order-status", "refund", "handoff"}),
    "region": frozenset({"eu", "us", "global"}),
    "tenant_tier": frozenset({"free", "team", "enterprise"}),
}
POLICY: Final = ContextPolicy(metadata=ALLOWED_METADATA)

LANGFUSE_BAGGAGE_KEYS: Final = frozenset(
    {
        "langfuse.session.id",
        "langfuse.user.id",
        "langfuse.trace.name",
        "langfuse.version",
        *(f"langfuse.trace.metadata.{key}" for key in ALLOWED_METADATA),
    }
)
"""Baggage entries that are span attributes of the same name."""

LANGFUSE_TAGS_BAGGAGE_KEY: Final = "app.langfuse.trace.tags"
"""Tags, joined by commas; a comma within a tag is written `%2C`. On spans they are an array."""


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
    """Give all spans that start inside the block this Langfuse context.

    `session_id` (the conversation) and `user_id` (a pseudonym) are 1 to 200 of `A-Za-z0-9._:-`;
    `trace_name`, `version` and each of at most 20 `tags` 1 to 200 characters; `metadata` is of
    ALLOWED_METADATA. A nested context replaces the outer one until it is left. It also decorates
    functions, async ones too. A span that runs already is stamped on purpose alone:
    `span.set_attributes(langfuse_otel.span_attributes())`.

    Enter it where the work is, and not around a `yield`: who reads a generator works in its block,
    and two that are read in turns in each other's. What starts after the block is left has none.

    Raises:
        langfuse_otel.InvalidTraceContextError: Names every unfit field, in development; with any
            other `environment` in the metadata, unfit fields are dropped and logged instead.
    """
    fields = POLICY.check(
        session_id=session_id,
        user_id=user_id,
        trace_name=trace_name,
        version=version,
        tags=tags,
        metadata=metadata,
    )
    entries = {
        **{f"langfuse.trace.metadata.{key}": value for key, value in fields.metadata.items()},
        "langfuse.trace.name": fields.trace_name,
        "langfuse.version": fields.version,
        # Last, because the SDK evicts the oldest attributes of an overfull span.
        "langfuse.session.id": fields.session_id,
        "langfuse.user.id": fields.user_id,
    }
    block = attach(
        attributes={"langfuse.trace.tags": fields.tags, **entries},
        entries={LANGFUSE_TAGS_BAGGAGE_KEY: join_tags(fields.tags), **entries},
    )
    try:
        yield
    finally:
        restore(block)
