"""Where an observation's input and output are: the first rule that finds either decides.

Content that a rule may take is not shown among the span's remaining attributes, whether or not it
was the one taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .javascript import Value, stringify
from .messages import (
    MESSAGE_KEYS,
    SYSTEM_KEY,
    TOOL_CALL_KEYS,
    Events,
    Exchange,
    from_attributes,
    from_details_event,
    from_message_events,
)
from .nesting import nested

if TYPE_CHECKING:
    from .values import Attributes

__all__ = ["CONTENT_KEYS", "CONTENT_PREFIXES", "OBSERVATION_KEYS", "content", "is_content"]

# Even an empty one of these counts.
OBSERVATION_KEYS: Final = ("langfuse.observation.input", "langfuse.observation.output")
# `langfuse.trace.*` is never read in Langfuse 4: a trace's input is that of its root.
_IGNORED_KEYS: Final = ("langfuse.trace.input", "langfuse.trace.output")
_VALUE_KEYS: Final = ("input.value", "output.value")
_NESTED_PREFIXES: Final = (
    ("gen_ai.prompt", "gen_ai.completion"),
    ("llm.input_messages", "llm.output_messages"),
)
CONTENT_KEYS: Final = frozenset(
    (
        *OBSERVATION_KEYS,
        *_IGNORED_KEYS,
        *_VALUE_KEYS,
        *MESSAGE_KEYS,
        *TOOL_CALL_KEYS,
        SYSTEM_KEY,
    )
)
CONTENT_PREFIXES: Final = tuple(prefix for pair in _NESTED_PREFIXES for prefix in pair)


def content(attributes: Attributes, events: Events) -> tuple[str | None, str | None]:
    """Return a span's input and output as stored: text as it is, anything else as JSON."""
    input_value, output_value = _exchange(attributes, events)
    return _stored(input_value), _stored(output_value)


def is_content(key: str) -> bool:
    """Tell whether a rule may take an input or output from an attribute of this name."""
    return key in CONTENT_KEYS or key.startswith(CONTENT_PREFIXES)


def _exchange(attributes: Attributes, events: Events) -> Exchange:
    input_value, output_value = (attributes.get(key) for key in OBSERVATION_KEYS)
    if input_value is not None or output_value is not None:
        return input_value, output_value
    return (
        from_details_event(events)
        or from_message_events(events)
        or _of_values(attributes)
        or _of_names(attributes)
        or from_attributes(attributes)
        or (None, None)
    )


def _of_values(attributes: Attributes) -> Exchange | None:
    input_value, output_value = (attributes.get(key) for key in _VALUE_KEYS)
    return (input_value, output_value) if input_value or output_value else None


def _of_names(attributes: Attributes) -> Exchange | None:
    for prefixes in _NESTED_PREFIXES:
        if any(key.startswith(prefixes) for key in attributes):
            return nested(attributes, prefixes[0]), nested(attributes, prefixes[1])
    return None


def _stored(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else stringify(value)
