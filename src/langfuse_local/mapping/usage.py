"""Tokens by kind: as `usage_details` has them, else from the counters of the conventions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .javascript import MAX_SAFE_INTEGER, Value, number, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .values import Attributes

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
_LEADING_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]{1,300})")
# Usage objects as OpenAI's two APIs return them, which are renamed; all three counters are needed.
_OPENAI: Final = (
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    ("input_tokens", "output_tokens", "total_tokens"),
)


def usage(attributes: Attributes) -> dict[str, int]:
    """Return tokens by kind, with their sum as `total` unless a total was sent."""
    details = json_object(attributes, USAGE_KEY)
    if details is None:
        counts = _integers(_counted(attributes))
    else:
        counts = _of_openai(details) or _integers(details)
    if counts and "total" not in counts:
        counts["total"] = min(sum(counts.values()), _LARGEST_TOTAL)
    return counts


def is_usage(key: str) -> bool:
    """Tell whether tokens may be in an attribute of this name."""
    return key == USAGE_KEY or _is_counter(key)


def json_object(attributes: Attributes, key: str) -> dict[str, Value] | None:
    """Return the JSON object in an attribute, empty if it holds something else.

    None sends the caller to other attributes: there is none, or it is not JSON.
    """
    value = attributes.get(key)
    if not value:
        return None
    if not isinstance(value, str):
        return {}
    try:
        content = parse(value)
    except ValueError:
        return None
    return content if isinstance(content, dict) else {}


def _counted(attributes: Attributes) -> dict[str, Value]:
    counters = _counters(attributes)
    if not counters:
        return {}
    read, written = _pick(counters, CACHE_READ_COUNTERS), _pick(counters, CACHE_WRITE_COUNTERS)
    reasoning, audio = _pick(counters, REASONING_COUNTERS), _pick(counters, AUDIO_COUNTERS)
    input_count, output_count = _pick(counters, INPUT_COUNTERS), _pick(counters, OUTPUT_COUNTERS)
    named = {
        "input": _without(input_count, read, written),
        "output": _without(output_count, reasoning, audio),
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
    """Take the parts that are counted on their own out of a count."""
    return None if count is None else max(count - sum(part or 0 for part in parts), 0)


def _of_openai(details: dict[str, Value]) -> dict[str, int]:
    """Rename OpenAI's own usage object; empty if it is not exactly one."""
    for input_name, output_name, total_name in _OPENAI:
        names = {"input": input_name, "output": output_name, "total": total_name}
        counts = {
            kind: count
            for kind, name in names.items()
            if (count := _whole(details.get(name))) is not None
        }
        parts = {kind: f"{names[kind]}_details" for kind in ("input", "output")}
        is_known = details.keys() <= {*names.values(), *parts.values()}
        if is_known and len(counts) == len(names):
            return _with_parts(counts, {kind: details.get(name) for kind, name in parts.items()})
    return {}


def _with_parts(counts: dict[str, int], parts: dict[str, Value]) -> dict[str, int]:
    """Count the parts on their own, out of the counts; empty if one of them is no count."""
    for kind, part in parts.items():
        if part is None:
            continue
        if not isinstance(part, dict):
            return {}
        for name, value in part.items():
            count = _whole(value)
            if count is not None:
                counts[f"{kind}_{name}"] = count
                counts[kind] = max(counts[kind] - count, 0)
            elif value is not None:
                return {}
    return counts


def _integers(details: dict[str, Value]) -> dict[str, int]:
    """Keep the counts that are whole numbers, or text that begins with one."""
    counts = ((kind, _integer(value)) for kind, value in details.items())
    return {kind: count for kind, count in counts if count is not None}


def _integer(value: Value) -> int | None:
    if isinstance(value, str):
        match = _LEADING_INTEGER.match(value)
        value = int(match[1]) if match else None
    return _whole(value)


def _whole(value: Value) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_SAFE_INTEGER or value != int(value):
        return None
    return int(value)
