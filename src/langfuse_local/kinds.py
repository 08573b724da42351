"""The type of an observation: the first rule that knows the span decides.

Langfuse also knows the spans of some JavaScript frameworks by their own names and of old versions
of its own SDKs; those rules are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langfuse_local.fields import winner

if TYPE_CHECKING:
    from langfuse_local.values import Attributes

__all__ = ["MODEL_KEYS", "TOOL_KEYS", "TYPE_RULES", "kind"]

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


def kind(attributes: Attributes) -> str:
    """The observation's type, SPAN when no rule knows the span."""
    for key, types in TYPE_RULES:
        value = attributes.get(key)
        if isinstance(value, str) and value in types:
            return types[value]
    if winner(attributes, TOOL_KEYS):
        return "TOOL"
    return "GENERATION" if winner(attributes, MODEL_KEYS) else "SPAN"
