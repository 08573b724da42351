"""The hard parts of Langfuse's trace context on plain OpenTelemetry, to use in any service.

Needs the OpenTelemetry API alone. What needs the SDK is a module of its own: `propagation`,
`redaction` and `delivery`.
"""

from .context import Block, attach, attached_baggage, join_tags, restore, span_attributes
from .managers import contextmanager
from .policy import ContextFields, ContextPolicy, InvalidTraceContextError
from .privacy import add_rule, looks_like, looks_like_with_uuids, mask

__all__ = [
    "Block",
    "ContextFields",
    "ContextPolicy",
    "InvalidTraceContextError",
    "add_rule",
    "attach",
    "attached_baggage",
    "contextmanager",
    "join_tags",
    "looks_like",
    "looks_like_with_uuids",
    "mask",
    "restore",
    "span_attributes",
]
