"""Tokens by kind: as the sender details them, else from the counters of the conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.dialects import (
    ADK_SCOPE,
    AI_SCOPE,
    GENKIT_SCOPE,
    ai_usage,
    cached_by_adk,
    genkit_usage,
    leading_integer,
)
from langfuse_local.mapping.javascript import MAX_SAFE_INTEGER, Value, number, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langfuse_local.mapping.values import Attributes

__all__ = [
    "AUDIO_COUNTERS",
    "CACHE_READ_COUNTERS",
    "CACHE_WRITE_COUNTERS",
    "COUNTER_PREFIXES",
    "INPUT_COUNTERS",
    "KNOWN_SCOPES",
    "OUTPUT_COUNTERS",
    "REASONING_COUNTERS",
    "TOTAL_COUNTERS",
    "USAGE_KEY",
    "is_usage",
    "json_object",
    "usage",
]

USAGE_KEY: Final = "langfuse.observation.usage_details"
COUNTER_PREFIXES: Final = ("gen_ai.usage.", "llm.token_count.")
# Names after the prefix, in order of precedence; here a zero counts.
INPUT_COUNTERS: Final = ("prompt_tokens", "input_tokens", "prompt")
OUTPUT_COUNTERS: Final = ("completion_tokens", "output_tokens", "completion")
TOTAL_COUNTERS: Final = ("total_tokens", "total")
CACHE_READ_COUNTERS: Final = (
    "cache_read.input_tokens",
    "cache_read_input_tokens",
    "cache_read_tokens",
    "details.cache_read_tokens",
    "details.cache_read_input_tokens",
    "prompt_details.cache_read",
    "input_cached_tokens",
)
CACHE_WRITE_COUNTERS: Final = (
    "cache_creation.input_tokens",
    "cache_write.input_tokens",
    "cache_creation_input_tokens",
    "cache_write_tokens",
    "details.cache_write_tokens",
    "details.cache_creation_input_tokens",
    "prompt_details.cache_write",
    "input_cache_creation",
)
REASONING_COUNTERS: Final = ("reasoning.output_tokens", "completion_details.reasoning")
AUDIO_COUNTERS: Final = ("completion_details.audio",)

_NAMED: Final = frozenset(
    INPUT_COUNTERS
    + OUTPUT_COUNTERS
    + TOTAL_COUNTERS
    + CACHE_READ_COUNTERS
    + CACHE_WRITE_COUNTERS
    + REASONING_COUNTERS
    + AUDIO_COUNTERS
)
_LARGEST_TOTAL: Final = 2**63 - 1  # that a database holds; a sender may claim any number of tokens
_COST_COUNTER: Final = "gen_ai.usage.cost"
_DIALECTS: Final = {AI_SCOPE: ai_usage, GENKIT_SCOPE: genkit_usage}
KNOWN_SCOPES: Final = {*_DIALECTS, ADK_SCOPE}
# Usage objects as OpenAI's two APIs return them, which are renamed; all three counters are needed.
_OPENAI: Final = (
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    ("input_tokens", "output_tokens", "total_tokens"),
)


def usage(attributes: Attributes, scope: str = "") -> dict[str, int]:
    """Tokens by kind, with their sum as `total` unless a total was sent."""
    details = json_object(attributes, USAGE_KEY)
    if details is None:
        is_known = scope in KNOWN_SCOPES
        counts = _integers(_of_scope(attributes, scope) if is_known else _counted(attributes))
    else:
        counts = _of_openai(details) or _integers(details)
    if counts and "total" not in counts:
        counts["total"] = min(sum(counts.values()), _LARGEST_TOTAL)
    return counts


def is_usage(key: str) -> bool:
    """Whether tokens may be found in an attribute of this name, whatever its scope."""
    return key == USAGE_KEY or _is_counter(key)


def json_object(attributes: Attributes, key: str) -> dict[str, Value] | None:
    """The JSON object in an attribute, empty if it holds something else.

    None sends the caller to other attributes: there is none, or it is not JSON.
    """
    value = attributes.get(key)
    if not value:
        return None
    if not isinstance(value, str):
        return {}
    try:
        parsed = parse(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else {}


def _of_scope(attributes: Attributes, scope: str) -> dict[str, Value]:
    read = _DIALECTS.get(scope)
    own = read(attributes) if read else None
    counts = _counted(attributes) if own is None else own
    if scope == ADK_SCOPE and "input_cached_tokens" not in counts:
        return _with_cached(counts, cached_by_adk(attributes))
    return counts


def _with_cached(counts: dict[str, Value], cached: float | None) -> dict[str, Value]:
    given = counts.get("input")
    if cached is None:
        return counts
    less = {"input": max(given - cached, 0)} if isinstance(given, int | float) else {}
    return counts | {"input_cached_tokens": cached, **less}


def _counted(attributes: Attributes) -> dict[str, Value]:
    counters = _counters(attributes)
    if not counters:
        return {}
    read, written = _pick(counters, CACHE_READ_COUNTERS), _pick(counters, CACHE_WRITE_COUNTERS)
    reasoning, audio = _pick(counters, REASONING_COUNTERS), _pick(counters, AUDIO_COUNTERS)
    given, answer = _pick(counters, INPUT_COUNTERS), _pick(counters, OUTPUT_COUNTERS)
    named = {
        "input": _without(given, read, written),
        "output": _without(answer, reasoning, audio),
        "total": _pick(counters, TOTAL_COUNTERS),
        "input_cached_tokens": read,
        "input_cache_creation": written,
        "output_reasoning_tokens": reasoning,
        "output_audio_tokens": audio,
    }
    other = {k.removeprefix("details."): v for k, v in counters.items() if k not in _NAMED}
    return {**other, **{kind: count for kind, count in named.items() if count is not None}}


def _counters(attributes: Attributes) -> dict[str, float]:
    counts = (
        (key.removeprefix("gen_ai.usage.").removeprefix("llm.token_count."), number(value))
        for key, value in attributes.items()
        if _is_counter(key)
    )
    return {name: count for name, count in counts if count is not None}


def _is_counter(key: str) -> bool:
    return key.startswith(COUNTER_PREFIXES) and key != _COST_COUNTER


def _pick(counters: dict[str, float], names: Sequence[str]) -> float | None:
    return next((counters[name] for name in names if name in counters), None)


def _without(count: float | None, *parts: float | None) -> float | None:
    """A count without the parts of it that are counted on their own."""
    return None if count is None else max(count - sum(part or 0 for part in parts), 0)


def _of_openai(details: dict[str, Value]) -> dict[str, int]:
    """OpenAI's own usage object in Langfuse's names, empty if it is not one, to the letter."""
    for given, answer, total in _OPENAI:
        counts = {
            kind: count
            for kind, name in (("input", given), ("output", answer), ("total", total))
            if (count := _whole(details.get(name))) is not None
        }
        parts = {"input": f"{given}_details", "output": f"{answer}_details"}
        is_known = details.keys() <= {given, answer, total, *parts.values()}
        if is_known and len(counts) == len(_OPENAI[0]):
            return _with_parts(counts, {kind: details.get(name) for kind, name in parts.items()})
    return {}


def _with_parts(counts: dict[str, int], parts: dict[str, Value]) -> dict[str, int]:
    """The counts without their parts, which are counts of their own; empty if one is no count."""
    for kind, sent in parts.items():
        if sent is None:
            continue
        if not isinstance(sent, dict):
            return {}
        for name, value in sent.items():
            count = _whole(value)
            if count is not None:
                counts[f"{kind}_{name}"] = count
                counts[kind] = max(counts[kind] - count, 0)
            elif value is not None:
                return {}
    return counts


def _integers(details: dict[str, Value]) -> dict[str, int]:
    """The counts that are whole numbers, or text that begins with one; all else is dropped."""
    counts = ((kind, _integer(value)) for kind, value in details.items())
    return {kind: count for kind, count in counts if count is not None}


def _integer(value: Value) -> int | None:
    if isinstance(value, str):
        value = leading_integer(value)
    return _whole(value)


def _whole(value: Value) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_SAFE_INTEGER or value != int(value):
        return None
    return int(value)
