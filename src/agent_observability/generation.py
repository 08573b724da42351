"""What the span of a model's call says of it: the conversation, the usage and the cost."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry.util.types import AttributeValue

from langfuse_otel.privacy import mask

from . import attributes as names
from .config import settings
from .models.prices import cost_in_usd

__all__ = ["conversation", "usage"]

_ROLES: Final = {"human": "user", "ai": "assistant"}


def conversation(messages: Sequence[BaseMessage]) -> Mapping[str, AttributeValue]:
    """Return the messages as Langfuse shows a conversation: JSON, with OpenAI's roles."""
    if not settings.capture_content:
        return {}
    # Each is masked on its own: a match may not take the JSON around it along.
    said = [
        {"role": _ROLES.get(each.type, each.type), "content": mask(each.text)} for each in messages
    ]
    return {names.LANGFUSE_OBSERVATION_INPUT: json.dumps(said, ensure_ascii=False)}


def usage(model: str, message: AIMessage) -> Mapping[str, AttributeValue]:
    """Return the tokens and, if the model's price is known, the cost."""
    found: dict[str, AttributeValue] = {
        names.GEN_AI_RESPONSE_MODEL: message.response_metadata.get("model_name", model)
    }
    reason = message.response_metadata.get("finish_reason")
    if reason:
        found[names.GEN_AI_RESPONSE_FINISH_REASONS] = [reason]
    if message.usage_metadata is None:
        return found
    tokens = message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]
    found[names.GEN_AI_USAGE_INPUT_TOKENS], found[names.GEN_AI_USAGE_OUTPUT_TOKENS] = tokens
    cost = cost_in_usd(model, *tokens)
    if cost is not None:
        found[names.GEN_AI_USAGE_COST] = cost
    return found
