"""Where an observation's input and output are found: the first rule that finds either decides.

Content that a rule may take is not shown among the span's remaining attributes, whether or not it
was the one taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.javascript import Value, stringify
from langfuse_local.mapping.messages import (
    LEGACY_INPUT_EVENT,
    LEGACY_OUTPUT_EVENT,
    MESSAGE_KEYS,
    SYSTEM_KEY,
    TOOL_CALL_KEYS,
    Events,
    Exchange,
    event_attributes,
    from_attributes,
    from_details_event,
    from_logfire,
    from_message_events,
    with_system,
)
from langfuse_local.mapping.nesting import nested
from langfuse_local.mapping.scopes import SCOPE_KEYS, SCOPES

if TYPE_CHECKING:
    from langfuse_local.mapping.values import Attributes

__all__ = [
    "CONTENT_KEYS",
    "CONTENT_PREFIXES",
    "EARLY_PAIRS",
    "LATE_PAIRS",
    "LOGFIRE_KEY",
    "NESTED_PAIRS",
    "OBSERVATION_KEYS",
    "PYDANTIC_PAIR",
    "PYDANTIC_SCOPE",
    "TOOL_PAIR",
    "Pair",
    "content",
    "is_content",
]


@dataclass(frozen=True, slots=True)
class Pair:
    """Attributes that hold an input and an output, each in order of precedence.

    `blank` is a text that counts as nothing. If `first_input` is set, the first input that is
    there counts, even an empty one.
    """

    input: tuple[str, ...]
    output: tuple[str, ...]
    blank: str = ""
    first_input: bool = False

    def find(self, attributes: Attributes) -> Exchange | None:
        """Input and output, if at least one of them holds anything."""
        inputs = self.input
        if self.first_input:
            inputs = tuple(key for key in inputs if key in attributes)[:1] or inputs
        given, answer = self._pick(attributes, inputs), self._pick(attributes, self.output)
        return (given, answer) if given or answer else None

    def _pick(self, attributes: Attributes, keys: tuple[str, ...]) -> Value:
        values = [attributes.get(key) for key in keys]
        return next((value for value in values if value and value != self.blank), values[-1])


# Even an empty one of these counts.
OBSERVATION_KEYS: Final = ("langfuse.observation.input", "langfuse.observation.output")
# `langfuse.trace.*` is never read in Langfuse 4: a trace's input is that of its root.
_IGNORED_KEYS: Final = ("langfuse.trace.input", "langfuse.trace.output")

EARLY_PAIRS: Final = (
    Pair(
        ("gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"),
        ("gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"),
        blank="{}",
    ),
    Pair(("prompt",), ("all_messages_events",)),
    Pair(
        ("lk.input_text", "lk.user_transcript", "lk.chat_ctx", "lk.user_input"),
        ("lk.function_tool.output", "lk.response.text"),
        first_input=True,
    ),
)
LOGFIRE_KEY: Final = "events"
LATE_PAIRS: Final = (
    Pair(("mlflow.spanInputs",), ("mlflow.spanOutputs",)),
    Pair(("traceloop.entity.input",), ("traceloop.entity.output",)),
    Pair(("input.value",), ("output.value",)),
    Pair(("input",), ("output",)),
)
PYDANTIC_SCOPE: Final = "pydantic-ai"
PYDANTIC_PAIR: Final = Pair(("pydantic_ai.all_messages",), ("final_result",))
TOOL_PAIR: Final = Pair(("tool_arguments",), ("tool_response",))
NESTED_PAIRS: Final = (
    ("gen_ai.prompt", "gen_ai.completion"),
    ("llm.input_messages", "llm.output_messages"),
)

CONTENT_KEYS: Final = (
    frozenset(
        key
        for pair in (*EARLY_PAIRS, *LATE_PAIRS, PYDANTIC_PAIR)
        for key in (*pair.input, *pair.output)
    )
    | SCOPE_KEYS
    | {*OBSERVATION_KEYS, *_IGNORED_KEYS, *MESSAGE_KEYS, *TOOL_CALL_KEYS, SYSTEM_KEY, LOGFIRE_KEY}
)
CONTENT_PREFIXES: Final = tuple(prefix for pair in NESTED_PAIRS for prefix in pair)
_ANY_KEYS: Final = CONTENT_KEYS | {*TOOL_PAIR.input, *TOOL_PAIR.output}


def content(attributes: Attributes, events: Events, scope: str) -> tuple[str | None, str | None]:
    """Input and output of a span as stored: text as it was sent, anything else as JSON."""
    given, answer = _exchange(attributes, events, scope)
    return _stored(given), _stored(answer)


def _exchange(attributes: Attributes, events: Events, scope: str) -> Exchange:
    given, answer = (attributes.get(key) for key in OBSERVATION_KEYS)
    if given is not None or answer is not None:
        return given, answer
    found = _of_scope(attributes, scope) or _of_events(events, scope) or _of_span(attributes, scope)
    return found or (None, None)


def is_content(key: str) -> bool:
    """Whether a rule may find an input or output in an attribute of this name."""
    return key in _ANY_KEYS or key.startswith(CONTENT_PREFIXES)


def _of_scope(attributes: Attributes, scope: str) -> Exchange | None:
    find = SCOPES.get(scope)
    return find(attributes) if find else None


def _of_events(events: Events, scope: str) -> Exchange | None:
    if not events:
        return None
    return from_details_event(events) or from_message_events(events) or _of_legacy(events, scope)


def _of_legacy(events: Events, scope: str) -> Exchange | None:
    """Two events whose attributes are searched like a span's; without a find they are taken."""
    prompt = event_attributes(events, LEGACY_INPUT_EVENT)
    completion = event_attributes(events, LEGACY_OUTPUT_EVENT)
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or {}, completion or {}
    given, answer = _exchange(prompt, (), scope)[0], _exchange(completion, (), scope)[1]
    return given or prompt, answer or completion


def _of_span(attributes: Attributes, scope: str) -> Exchange | None:
    return (
        _first(EARLY_PAIRS, attributes)
        or from_logfire(attributes.get(LOGFIRE_KEY))
        or _first(LATE_PAIRS, attributes)
        or (_of_pydantic(attributes) if scope == PYDANTIC_SCOPE else None)
        or TOOL_PAIR.find(attributes)
        or _of_names(attributes)
        or from_attributes(attributes)
    )


def _first(pairs: tuple[Pair, ...], attributes: Attributes) -> Exchange | None:
    return next((found for pair in pairs if (found := pair.find(attributes))), None)


def _of_pydantic(attributes: Attributes) -> Exchange | None:
    found = PYDANTIC_PAIR.find(attributes)
    return found and (with_system(found[0], attributes), found[1])


def _of_names(attributes: Attributes) -> Exchange | None:
    for given, answer in NESTED_PAIRS:
        if any(key.startswith((given, answer)) for key in attributes):
            return nested(attributes, given), nested(attributes, answer)
    return None


def _stored(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else stringify(value)
