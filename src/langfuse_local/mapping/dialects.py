"""Tokens and parameters of instrumentations that have words of their own for them.

They are known by the name of their scope: the Vercel AI SDK, Genkit and Google's ADK.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.javascript import Value, parse, parsed, string

if TYPE_CHECKING:
    from langfuse_local.mapping.values import Attributes

__all__ = [
    "ADK_SCOPE",
    "AI_SCOPE",
    "AI_USAGE_KEYS",
    "GENKIT_KEYS",
    "GENKIT_SCOPE",
    "ai_parameters",
    "ai_usage",
    "cached_by_adk",
    "genkit_parameters",
    "genkit_usage",
    "leading_integer",
    "payload",
]

AI_SCOPE: Final = "ai"
GENKIT_SCOPE: Final = "genkit-tracer"
ADK_SCOPE: Final = "gcp.vertex.agent"
GENKIT_KEYS: Final = ("genkit:input", "genkit:output")
_ADK_RESPONSE_KEY: Final = "gcp.vertex.agent.llm_response"
_PROVIDER_KEY: Final = "ai.response.providerMetadata"
AI_USAGE_KEYS: Final = (
    "ai.usage.tokens",
    "ai.usage.cachedInputTokens",
    "ai.usage.reasoningTokens",
    _PROVIDER_KEY,
)

_AI_COUNTERS: Final = {
    "input": ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
    "output": ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
    "total": AI_USAGE_KEYS[:1],
}
_AI_PARTS: Final = {
    "input_cached_tokens": AI_USAGE_KEYS[1],
    "output_reasoning_tokens": AI_USAGE_KEYS[2],
}
# By the path to the object that a provider's counters are in, then by kind of usage.
_PROVIDERS: Final = {
    ("openai",): {
        "input_cached_tokens": "cachedPromptTokens",
        "accepted_prediction_tokens": "acceptedPredictionTokens",
        "rejected_prediction_tokens": "rejectedPredictionTokens",
        "output_reasoning_tokens": "reasoningTokens",
    },
    ("anthropic", "usage"): {
        "input_cache_creation": "cache_creation_input_tokens",
        "input_cached_tokens": "cache_read_input_tokens",
    },
    ("anthropic", "usage", "cache_creation"): {
        "input_cache_creation_5m": "ephemeral_5m_input_tokens",
        "input_cache_creation_1h": "ephemeral_1h_input_tokens",
    },
    ("bedrock", "usage"): {
        "input_cache_read": "cacheReadInputTokens",
        "input_cache_write": "cacheWriteInputTokens",
        "input_cache_creation": "cacheCreationInputTokens",
    },
}
_BY_LIFETIME: Final = ("anthropic", "usage", "cache_creation")
_LIFETIMES: Final = ("input_cache_creation_5m", "input_cache_creation_1h")
_PARTS_OF_INPUT: Final = (
    "input_cached_tokens",
    "input_cache_creation",
    *_LIFETIMES,
    "input_cache_read",
)
_AI_PARAMETERS: Final = {
    "maxSteps": ("ai.settings.maxSteps",),
    "toolChoice": ("ai.prompt.toolChoice",),
    "maxTokens": ("gen_ai.request.max_tokens",),
    "finishReason": ("gen_ai.response.finish_reasons", "gen_ai.finishReason"),
    "system": ("gen_ai.system", "ai.model.provider"),
    "maxRetries": ("ai.settings.maxRetries",),
    "mode": ("ai.settings.mode",),
    "temperature": ("gen_ai.request.temperature",),
    "service_tier": ("gen_ai.request.service_tier",),
}
_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]{1,300})")


def ai_usage(attributes: Attributes) -> dict[str, Value] | None:
    """Tokens of the AI SDK: input and output always, less what is counted on its own.

    None if what the provider said cannot be read; the common counters count then.
    """
    counts: dict[str, float | None] = {
        kind: _first_integer(attributes, keys) for kind, keys in _AI_COUNTERS.items()
    }
    try:
        for kind, key in _AI_PARTS.items():
            if key in attributes:
                counts[kind] = _wrapped(parse(string(attributes[key])))
        if provider := attributes.get(_PROVIDER_KEY):
            _add_providers(counts, parse(string(provider)))
    except ValueError:
        return None
    counts["input"] = _less(counts, "input", _PARTS_OF_INPUT)
    counts["output"] = _less(counts, "output", ("output_reasoning_tokens",))
    return {kind: count for kind, count in counts.items() if count is not None}


def genkit_usage(attributes: Attributes) -> dict[str, Value] | None:
    """Tokens inside Genkit's output, thoughts apart; None if there are none."""
    usage = _at(payload(attributes.get(GENKIT_KEYS[1])), ("usage",))
    if not isinstance(usage, dict):
        return None
    thoughts = _number(usage.get("thoughtsTokens"))
    output = _number(usage.get("outputTokens"))
    counts = {
        "input": _number(usage.get("inputTokens")),
        "output": max(output - (thoughts or 0), 0) if output else None,
        "total": _number(usage.get("totalTokens")),
        "output_reasoning": thoughts,
    }
    # An output may be all thoughts: only it can be zero and count.
    return {
        kind: count
        for kind, count in counts.items()
        if count or (count is not None and kind == "output")
    }


def cached_by_adk(attributes: Attributes) -> float | None:
    """Tokens that the model had cached, as Google's ADK keeps them in its response."""
    response = payload(attributes.get(_ADK_RESPONSE_KEY))
    cached = _number(_at(response, ("usage_metadata", "cached_content_token_count")))
    return cached if cached and cached > 0 else None


def ai_parameters(attributes: Attributes) -> dict[str, Value]:
    """The same parameters for every span of the AI SDK, null where none was sent."""
    found: dict[str, Value] = {
        name: next((string(attributes[key]) for key in keys if key in attributes), None)
        for name, keys in _AI_PARAMETERS.items()
    }
    tier = _at(payload(attributes.get(_PROVIDER_KEY)), ("openai", "serviceTier"))
    return found | ({"service_tier": tier} if isinstance(tier, str) else {})


def genkit_parameters(attributes: Attributes) -> Value:
    """The model's configuration in Genkit's input, else in the request its output repeats."""
    given, answer = (payload(attributes.get(key)) for key in GENKIT_KEYS)
    config = _at(given, ("config",))
    return _at(answer, ("request", "config")) if config is None else config


def payload(value: Value) -> Value:
    """The JSON in a text, but for `null`; any other value, and text that is no JSON, as it is."""
    read = parsed(value)
    return value if read is None else read


def leading_integer(text: str) -> int | None:
    """`parseInt`: the whole number that a text begins with."""
    found = _INTEGER.match(text)
    return int(found[1]) if found else None


def _add_providers(counts: dict[str, float | None], said: Value) -> None:
    if not isinstance(said, dict):
        raise ValueError("What the provider said is no object.")  # noqa: TRY004 - as bad JSON
    for path, kinds in _PROVIDERS.items():
        counters = _at(said, path)
        if not isinstance(counters, dict):
            continue
        for kind, name in kinds.items():
            if counts.get(kind) is None:
                counts[kind] = _number(counters.get(name))
        if path == _BY_LIFETIME:
            counts["input_cache_creation"] = _less(counts, "input_cache_creation", _LIFETIMES)


def _first_integer(attributes: Attributes, keys: tuple[str, ...]) -> int | None:
    return next(
        (leading_integer(string(attributes[key])) for key in keys if key in attributes), None
    )


def _wrapped(value: Value) -> float | None:
    """A count, or the OTLP value that early versions wrote in its place."""
    return _number(value.get("intValue")) if isinstance(value, dict) else _number(value)


def _less(counts: dict[str, float | None], kind: str, parts: tuple[str, ...]) -> float:
    return max((counts.get(kind) or 0) - sum(counts.get(part) or 0 for part in parts), 0)


def _number(value: Value) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _at(value: Value, path: tuple[str, ...]) -> Value:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
