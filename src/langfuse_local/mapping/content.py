"""Where an observation's input and output are: the first rule that finds either decides.

Content that a rule may take is not shown among the span's remaining attributes, whether or not it
was the one taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from .javascript import Value, stringify
from .messages import (
    CHOICE_EVENT,
    DETAILS_EVENT,
    INPUT_EVENTS,
    MESSAGE_KEYS,
    SYSTEM_KEY,
    TOOL_CALL_KEYS,
    Events,
    Exchange,
    from_details_event,
    from_message_events,
    from_messages,
    from_tool_call,
)
from .nesting import nested

if TYPE_CHECKING:
    from collections.abc import Callable

    from .values import Attributes

__all__ = [
    "CONTENT_KEYS",
    "CONTENT_PREFIXES",
    "IGNORED_KEYS",
    "SOURCES",
    "Source",
    "content",
    "is_content",
    "source_of",
]

# Even an empty one of these counts.
_OBSERVATION_KEYS: Final = ("langfuse.observation.input", "langfuse.observation.output")
# `langfuse.trace.*` is never read in Langfuse 4: a trace's input is that of its root.
IGNORED_KEYS: Final = ("langfuse.trace.input", "langfuse.trace.output")
_VALUE_KEYS: Final = ("input.value", "output.value")
_NESTED_PREFIXES: Final = (
    ("gen_ai.prompt", "gen_ai.completion"),
    ("llm.input_messages", "llm.output_messages"),
)
CONTENT_KEYS: Final = frozenset(
    (
        *_OBSERVATION_KEYS,
        *IGNORED_KEYS,
        *_VALUE_KEYS,
        *MESSAGE_KEYS,
        *TOOL_CALL_KEYS,
        SYSTEM_KEY,
    )
)
CONTENT_PREFIXES: Final = tuple(prefix for pair in _NESTED_PREFIXES for prefix in pair)


@dataclass(frozen=True, slots=True)
class Source:
    """A place where input and output may be.

    Attributes:
        input_names: Attributes, or events, that an input is read from.
        output_names: Likewise.
        read: Returns both, or None if neither is there.
        of_events: Whether the names are those of span events.
        is_nested: Whether the names are the beginnings of attributes' names.
    """

    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    read: Callable[[Attributes, Events], Exchange | None]
    of_events: bool = False
    is_nested: bool = False


def content(attributes: Attributes, events: Events) -> tuple[str | None, str | None]:
    """Return a span's input and output as stored: text as it is, anything else as JSON."""
    for source in SOURCES:
        if exchange := source.read(attributes, events):
            return _stored(exchange[0]), _stored(exchange[1])
    return None, None


def source_of(attributes: Attributes, events: Events) -> Source | None:
    """Return where a span's input and output are, None if it has neither."""
    return next((source for source in SOURCES if source.read(attributes, events)), None)


def is_content(key: str) -> bool:
    """Tell whether a rule may take an input or output from an attribute of this name."""
    return key in CONTENT_KEYS or key.startswith(CONTENT_PREFIXES)


def _of_observation(attributes: Attributes, _events: Events) -> Exchange | None:
    input_value, output_value = (attributes.get(key) for key in _OBSERVATION_KEYS)
    is_there = input_value is not None or output_value is not None
    return (input_value, output_value) if is_there else None


def _of_values(attributes: Attributes, _events: Events) -> Exchange | None:
    input_value, output_value = (attributes.get(key) for key in _VALUE_KEYS)
    return (input_value, output_value) if input_value or output_value else None


def _of_names(
    prefixes: tuple[str, str], attributes: Attributes, _events: Events
) -> Exchange | None:
    if any(key.startswith(prefixes) for key in attributes):
        return nested(attributes, prefixes[0]), nested(attributes, prefixes[1])
    return None


def _stored(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else stringify(value)


SOURCES: Final = (
    Source(_OBSERVATION_KEYS[:1], _OBSERVATION_KEYS[1:], _of_observation),
    Source(
        (DETAILS_EVENT,),
        (DETAILS_EVENT,),
        lambda _, events: from_details_event(events),
        of_events=True,
    ),
    Source(
        (*INPUT_EVENTS,),
        (CHOICE_EVENT,),
        lambda _, events: from_message_events(events),
        of_events=True,
    ),
    Source(_VALUE_KEYS[:1], _VALUE_KEYS[1:], _of_values),
    *(
        Source(pair[:1], pair[1:], partial(_of_names, pair), is_nested=True)
        for pair in _NESTED_PREFIXES
    ),
    Source(
        (MESSAGE_KEYS[0], SYSTEM_KEY),
        MESSAGE_KEYS[1:],
        lambda attributes, _: from_messages(attributes),
    ),
    Source(
        TOOL_CALL_KEYS[:1], TOOL_CALL_KEYS[1:], lambda attributes, _: from_tool_call(attributes)
    ),
)
"""In order: the first that has an input or an output decides both."""
