"""The type of an observation: the first rule that knows the span decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.fields import LIVEKIT_SCOPE
from langfuse_local.mapping.javascript import string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langfuse_local.mapping.values import Attributes

__all__ = [
    "AI_OPERATION_KEYS",
    "DELEGATION_KEYS",
    "MODEL_KEYS",
    "TOOL_KEYS",
    "TYPE_RULES",
    "is_old_sdk",
    "kind",
]

# Exact spelling: `GENERATION` and `llm` are unknown to the first rule, `chain` to the second.
TYPE_RULES: Final = (
    (
        "langfuse.observation.type",
        {
            "span": "SPAN",
            "generation": "GENERATION",
            "event": "EVENT",
            "embedding": "EMBEDDING",
            "agent": "AGENT",
            "tool": "TOOL",
            "chain": "CHAIN",
            "retriever": "RETRIEVER",
            "guardrail": "GUARDRAIL",
            "evaluator": "EVALUATOR",
        },
    ),
    (
        "openinference.span.kind",
        {
            "CHAIN": "CHAIN",
            "RETRIEVER": "RETRIEVER",
            "LLM": "GENERATION",
            "EMBEDDING": "EMBEDDING",
            "AGENT": "AGENT",
            "TOOL": "TOOL",
            "GUARDRAIL": "GUARDRAIL",
            "EVALUATOR": "EVALUATOR",
        },
    ),
    (
        "gen_ai.operation.name",
        {
            "chat": "GENERATION",
            "completion": "GENERATION",
            "text_completion": "GENERATION",
            "generate_content": "GENERATION",
            "generate": "GENERATION",
            "embeddings": "EMBEDDING",
            "invoke_agent": "AGENT",
            "create_agent": "AGENT",
            "execute_tool": "TOOL",
        },
    ),
    (
        "genkit:metadata:subtype",
        {
            "background-model": "GENERATION",
            "model": "GENERATION",
            "embedder": "EMBEDDING",
            "tool": "TOOL",
            "tool.v2": "TOOL",
            "retriever": "RETRIEVER",
            "evaluator": "EVALUATOR",
        },
    ),
)
# The Vercel AI SDK: the first may go on after the operation with the name of a function.
AI_OPERATION_KEYS: Final = ("operation.name", "ai.operationId")
TOOL_KEYS: Final = (
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "flue.tool.name",
    "flue.tool.call_id",
)
DELEGATION_KEYS: Final = ("flue.task.id", "flue.task.agent")
MODEL_KEYS: Final = (
    "langfuse.observation.model.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "llm.model_name",
    "model",
)
_AI_CALLS: Final = {
    "ai.generateText.doGenerate": "GENERATION",
    "ai.streamText.doStream": "GENERATION",
    "ai.generateObject.doGenerate": "GENERATION",
    "ai.streamObject.doStream": "GENERATION",
    "ai.embedMany.doEmbed": "EMBEDDING",
    "ai.embed.doEmbed": "EMBEDDING",
}
_AI_TOOL: Final = "ai.toolCall"
_AI_MODEL_KEYS: Final = (*MODEL_KEYS[:3], "ai.model.id")
_LIVEKIT_SPANS: Final = {
    "agent_turn": "AGENT",
    "start_agent_activity": "AGENT",
    "function_tool": "TOOL",
}
_SDK_VERSION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?")
_LAST_OLD_SDK: Final = (3, 3)
_OWN_KEY: Final = TYPE_RULES[0][0]
_OWN_GENERATION_KEYS: Final = tuple(
    f"langfuse.observation.{name}"
    for name in (
        "model.name",
        "cost_details",
        "usage_details",
        "completion_start_time",
        "model.parameters",
        "prompt.name",
        "prompt.version",
    )
)


def kind(
    attributes: Attributes, *, scope: str = "", span_name: str = "", old_sdk: bool = False
) -> str:
    """The observation's type, SPAN when no rule knows the span.

    Args:
        attributes: The span's.
        scope: Name of the span's instrumentation scope.
        span_name: The span's name, by which LiveKit's spans are known.
        old_sdk: Whether `is_old_sdk` holds: it called generations spans.
    """
    if old_sdk and attributes.get(_OWN_KEY) == "span" and _has(attributes, _OWN_GENERATION_KEYS):
        return "GENERATION"
    for key, types in TYPE_RULES:
        value = attributes.get(key)
        if value and (found := types.get(value if isinstance(value, str) else string(value))):
            return found
    return _of_ai_sdk(attributes) or _of_other_keys(attributes, scope, span_name)


def is_old_sdk(scope: str, version: str, resource: Attributes) -> bool:
    """Whether the spans are those of Langfuse's Python SDK up to 3.3."""
    if scope != "langfuse-sdk" or resource.get("telemetry.sdk.language") != "python":
        return False
    found = _SDK_VERSION.match(version)
    return found is None or (int(found[1]), int(found[2] or 0)) <= _LAST_OLD_SDK


def _of_ai_sdk(attributes: Attributes) -> str | None:
    name, operation = (attributes.get(key) for key in AI_OPERATION_KEYS)
    if not name and not operation:
        return None
    for call, found in _AI_CALLS.items():
        if operation == call or (isinstance(name, str) and name.startswith(call)):
            return found if _counts(attributes, _AI_MODEL_KEYS) else None
    is_tool = operation == _AI_TOOL or (isinstance(name, str) and name.startswith(_AI_TOOL))
    return "TOOL" if is_tool else None


def _of_other_keys(attributes: Attributes, scope: str, span_name: str) -> str:
    if _counts(attributes, TOOL_KEYS):
        return "TOOL"
    if _counts(attributes, DELEGATION_KEYS):
        return "AGENT"
    if scope == LIVEKIT_SCOPE and span_name in _LIVEKIT_SPANS:
        return _LIVEKIT_SPANS[span_name]
    return "GENERATION" if _counts(attributes, MODEL_KEYS) else "SPAN"


def _counts(attributes: Attributes, keys: Iterable[str]) -> bool:
    """Whether one of the keys is there and not empty; here zero and false count."""
    return any(attributes.get(key, "") != "" for key in keys)


def _has(attributes: Attributes, keys: Iterable[str]) -> bool:
    return not attributes.keys().isdisjoint(keys)
