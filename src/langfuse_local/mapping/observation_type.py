"""The type of an observation: the first rule that knows the span decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .javascript import string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .values import Attributes

__all__ = ["MODEL_KEYS", "TOOL_KEYS", "TYPE_RULES", "observation_type"]

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
)
TOOL_KEYS: Final = ("gen_ai.tool.name", "gen_ai.tool.call.id")
MODEL_KEYS: Final = (
    "langfuse.observation.model.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "llm.model_name",
    "model",
)


def observation_type(attributes: Attributes) -> str:
    """Return the observation's type, SPAN when no rule knows the span."""
    for key, types in TYPE_RULES:
        value = attributes.get(key)
        if value and (known := types.get(value if isinstance(value, str) else string(value))):
            return known
    if _has_any(attributes, TOOL_KEYS):
        return "TOOL"
    return "GENERATION" if _has_any(attributes, MODEL_KEYS) else "SPAN"


def _has_any(attributes: Attributes, keys: Iterable[str]) -> bool:
    """Tell whether one of the keys is there and not empty; here zero and false count."""
    return any(attributes.get(key, "") != "" for key in keys)
