"""Input and output of instrumentations that are known by the name of their scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.dialects import AI_SCOPE, GENKIT_KEYS, GENKIT_SCOPE, payload
from langfuse_local.mapping.javascript import Value, stringify
from langfuse_local.mapping.messages import from_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from langfuse_local.mapping.messages import Exchange
    from langfuse_local.mapping.values import Attributes

__all__ = ["SCOPES", "SCOPE_KEYS"]

_FLUE_SCOPE: Final = "@flue/opentelemetry"

_AI_INPUTS: Final = ("ai.prompt.messages", "ai.prompt", "ai.toolCall.args")
_AI_TEXT: Final = "ai.response.text"
_AI_CALLS: Final = "ai.response.toolCalls"
_AI_OUTPUTS: Final = (
    "ai.result.text",
    "ai.toolCall.result",
    "ai.response.object",
    "ai.result.object",
    _AI_CALLS,
    "ai.result.toolCalls",
)
_FLUE_INPUTS: Final = (
    "flue.turn.input",
    "flue.tool.arguments",
    "flue.task.prompt",
    "flue.workflow.payload",
)
_FLUE_OUTPUTS: Final = (
    "flue.turn.output",
    "flue.tool.result",
    "flue.task.result",
    "flue.operation.result",
    "flue.workflow.result",
)


def _of_ai_sdk(attributes: Attributes) -> Exchange:
    """What the AI SDK calls its own, each half completed by the conventions' messages."""
    given, answer = _present(attributes, _AI_INPUTS), _ai_output(attributes)
    common = from_attributes(attributes) or (None, None)
    return common[0] if given is None else given, common[1] if answer is None else answer


def _ai_output(attributes: Attributes) -> Value:
    text = attributes.get(_AI_TEXT)
    if text is not None and _AI_CALLS in attributes:
        message: Value = {
            "role": "assistant",
            "content": text,
            "tool_calls": attributes[_AI_CALLS],
        }
        return stringify(message)
    return text or _present(attributes, _AI_OUTPUTS)


def _of_genkit(attributes: Attributes) -> Exchange:
    """A model's messages, or whatever else another step was given and answered."""
    given, answer = (payload(attributes.get(key)) for key in GENKIT_KEYS)
    return _inside(given, "messages"), _inside(answer, "message")


def _of_flue(attributes: Attributes) -> Exchange | None:
    given, answer = _present(attributes, _FLUE_INPUTS), _present(attributes, _FLUE_OUTPUTS)
    return None if given is answer is None else (payload(given), payload(answer))


SCOPES: Final[dict[str, Callable[[Attributes], Exchange | None]]] = {
    AI_SCOPE: _of_ai_sdk,
    GENKIT_SCOPE: _of_genkit,
    _FLUE_SCOPE: _of_flue,
}
"""By scope, what a span was given and answered; None lets the other rules look."""

SCOPE_KEYS: Final = frozenset(
    {_AI_TEXT, *_AI_INPUTS, *_AI_OUTPUTS, *GENKIT_KEYS, *_FLUE_INPUTS, *_FLUE_OUTPUTS}
)


def _present(attributes: Attributes, keys: tuple[str, ...]) -> Value:
    return next((attributes[key] for key in keys if key in attributes), None)


def _inside(value: Value, name: str) -> Value:
    inner = value.get(name) if isinstance(value, dict) else None
    return value if inner is None else inner
