"""Conversations as OpenTelemetry's conventions for generative AI record them.

Messages are attributes, attributes of a span event, or one event each, depending on the version of
the conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from .javascript import Value, parsed, string, stringify
from .values import Attributes, attributes

__all__ = [
    "CHOICE_EVENT",
    "DETAILS_EVENT",
    "INPUT_EVENTS",
    "MESSAGE_KEYS",
    "SYSTEM_KEY",
    "TOOL_CALL_KEYS",
    "Events",
    "Exchange",
    "from_details_event",
    "from_message_events",
    "from_messages",
    "from_tool_call",
]

Events: TypeAlias = Sequence[Span.Event]
Exchange: TypeAlias = tuple[Value, Value]
"""An input and the output to it."""

MESSAGE_KEYS: Final = ("gen_ai.input.messages", "gen_ai.output.messages")
TOOL_CALL_KEYS: Final = ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result")
SYSTEM_KEY: Final = "gen_ai.system_instructions"
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
INPUT_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE_EVENT: Final = "gen_ai.choice"


def from_messages(attributes: Attributes) -> Exchange | None:
    """Return input and output messages, the system's instructions first."""
    messages, answer = (attributes.get(key) for key in MESSAGE_KEYS)
    return (_with_system(messages, attributes), answer) if messages or answer else None


def from_tool_call(attributes: Attributes) -> Exchange | None:
    """Return a tool's arguments and its result."""
    call, result = (attributes.get(key) for key in TOOL_CALL_KEYS)
    return (call, result) if call or result else None


def from_details_event(events: Events) -> Exchange | None:
    """Return what the first event with the operation's details and any content holds."""
    for event in events:
        if event.name != DETAILS_EVENT:
            continue
        values = attributes(event.attributes)
        if exchange := from_messages(values) or from_tool_call(values):
            return exchange
    return None


def from_message_events(events: Events) -> Exchange | None:
    """Make a message of each event, choices the output: a single one without its list."""
    messages: list[Value] = [
        {"role": INPUT_EVENTS[event.name], **attributes(event.attributes)}
        for event in events
        if event.name in INPUT_EVENTS
    ]
    choices: list[Value] = [
        attributes(event.attributes) for event in events if event.name == CHOICE_EVENT
    ]
    if not messages and not choices:
        return None
    return messages or None, choices[0] if len(choices) == 1 else choices or None


def _with_system(messages: Value, attributes: Attributes) -> Value:
    """Put the span's system instructions in front of the messages, unless they have some."""
    instructions = attributes.get(SYSTEM_KEY)
    if not messages or not instructions:
        return messages
    listed = parsed(messages)
    if not isinstance(listed, list) or any(_role(message) == "system" for message in listed):
        return messages
    merged: Value = [{"role": "system", "content": _instructions(instructions)}, *listed]
    return stringify(merged) if isinstance(messages, str) else merged


def _instructions(value: Value) -> str:
    content = parsed(value)
    return "\n".join(map(_part, content)) if isinstance(content, list) else string(content)


def _part(part: Value) -> str:
    content = part.get("content") if isinstance(part, dict) else None
    return string(content or part)


def _role(message: Value) -> Value:
    return message.get("role") if isinstance(message, dict) else None
