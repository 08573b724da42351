"""Tokens by kind: as the sender details them, else from the counters of the conventions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.javascript import MAX_SAFE_INTEGER, Value, parse
from langfuse_local.memory import Remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langfuse_local.values import Attributes

__all__ = [
    "AUDIO_COUNTERS",
    "CACHE_READ_COUNTERS",
    "CACHE_WRITE_COUNTERS",
    "COUNTER_PREFIXES",
    "INPUT_COUNTERS",
    "OUTPUT_COUNTERS",
    "REASONING_COUNTERS",
    "TOTAL_COUNTERS",
    "USAGE_KEY",
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
_DIGITS: Final = re.compile(r"[0-9]{1,16}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
# Usage objects as OpenAI's two APIs return them, which are renamed; all three counters are needed.
_OPENAI: Final = (
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    ("input_tokens", "output_tokens", "total_tokens"),
)


def usage(attributes: Attributes) -> dict[str, int]:
    """Tokens by kind, with their sum as `total` unless a total was sent."""
    details = json_object(attributes, USAGE_KEY)
    if details is None:
        counts = _integers(_counted(attributes))
    else:
        counts = _of_openai(details) or _integers(details)
    if counts and "total" not in counts:
        counts["total"] = min(sum(counts.values()), _LARGEST_TOTAL)
    return counts


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


def _counted(attributes: Attributes) -> dict[str, Value]:
    if not any(map(_IS_COUNTER.__getitem__, attributes)):
        return {}
    counters = _counters(attributes)
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
    numbers = (
        (key.removeprefix("gen_ai.usage.").removeprefix("llm.token_count."), _number(value))
        for key, value in attributes.items()
        if _IS_COUNTER[key]
    )
    return {name: number for name, number in numbers if number is not None}


def _is_counter(key: str) -> bool:
    return key.startswith(COUNTER_PREFIXES) and key != _COST_COUNTER


_IS_COUNTER: Final = Remembered(_is_counter)


def _pick(counters: dict[str, float], names: Sequence[str]) -> float | None:
    return next((counters[name] for name in names if name in counters), None)


def _without(count: float | None, *parts: float | None) -> float | None:
    """A count without the parts of it that are counted on their own."""
    return None if count is None else max(count - sum(part or 0 for part in parts), 0)


def _number(value: Value) -> float | None:
    """`Number(value)`, None where that is not a number."""
    if isinstance(value, bool | int | float):
        return value + 0
    if not isinstance(value, str):
        return None
    digits = value.strip() or "0"
    return float(digits) if _NUMBER.fullmatch(digits) else None


def _of_openai(details: dict[str, Value]) -> dict[str, int]:
    """OpenAI's own usage object in Langfuse's names, empty if it is not one."""
    for given, answer, total in _OPENAI:
        kinds = {"input": given, "output": answer, "total": total}
        optional = {f"{given}_details", f"{answer}_details"}
        if {given, answer, total} <= details.keys() <= {given, answer, total} | optional:
            counts = _integers({kind: details[name] for kind, name in kinds.items()})
            return _with_parts(counts, details, kinds) if len(counts) == len(kinds) else {}
    return {}


def _with_parts(
    counts: dict[str, int], details: dict[str, Value], kinds: dict[str, str]
) -> dict[str, int]:
    for kind in ("input", "output"):
        sent = details.get(f"{kinds[kind]}_details")
        parts = _integers(sent) if isinstance(sent, dict) else {}
        counts |= {f"{kind}_{name}": count for name, count in parts.items()}
        counts[kind] = max(counts[kind] - sum(parts.values()), 0)
    return counts


def _integers(details: dict[str, Value]) -> dict[str, int]:
    """The counts that are whole numbers; all else is dropped."""
    counts = ((kind, _integer(value)) for kind, value in details.items())
    return {kind: count for kind, count in counts if count is not None}


def _integer(value: Value) -> int | None:
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_SAFE_INTEGER or value != int(value):
        return None
    return int(value)
