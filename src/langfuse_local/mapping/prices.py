"""What a token costs, by model name.

Langfuse prices a span when it arrives, never later, and only if the span brought no cost of its
own. Its built-in list has 167 models; here are those that a reader is likely to use, with the ids,
patterns and prices of Langfuse's list of 2026-08-22, and the demo's own. Prices for long contexts
and faster service are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..cache import BoundedCache

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TIER", "Model", "model_of"]

TIER: Final = "Standard"
"""The name of the prices of a model that are given here."""
_MILLION: Final = 1_000_000
_PLACES: Final = 15
_OPENAI: Final = r"(openai/)?({})"
_GOOGLE: Final = r"(google(ai)?/)?({})"
_BEDROCK: Final = r"(eu\.|us\.|apac\.|au\.|jp\.|global\.)?anthropic\."


@dataclass(frozen=True, slots=True)
class Model:
    """A model with a price.

    Attributes:
        id: Langfuse's own, empty for a model that Langfuse does not know.
        pattern: Matches the whole name, in any case.
        prices: US dollars per token by kind of usage.
    """

    id: str
    pattern: re.Pattern[str]
    prices: Mapping[str, float]

    @property
    def tier_id(self) -> str:
        """Langfuse's id of the prices."""
        return f"{self.id}_tier_default"


def model_of(name: str) -> Model | None:
    """Return the model of this name, None if its price is unknown."""
    return _FOUND[name]


def _model(id_: str, pattern: str, prices: Mapping[str, float]) -> Model:
    per_token = {kind: round(price / _MILLION, _PLACES) for kind, price in prices.items()}
    return Model(id_, re.compile(pattern, re.IGNORECASE), per_token)


def _openai(id_: str, name: str, input_: float, cached: float, output: float) -> Model:
    kinds = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens")
    prices = {"input": input_, "output": output, **dict.fromkeys(kinds, cached)}
    return _model(id_, _OPENAI.format(re.escape(name)), prices)


def _anthropic(id_: str, pattern: str, input_: float, cached: float, output: float) -> Model:
    written, read = input_ * 1.25, ("input_cached_tokens", "input_cache_read")
    prices = {
        **dict.fromkeys(("input", "input_tokens"), input_),
        **dict.fromkeys(("output", "output_tokens"), output),
        **dict.fromkeys((*read, "cache_read_input_tokens"), cached),
        **dict.fromkeys(("input_cache_creation", "cache_creation_input_tokens"), written),
        "input_cache_creation_5m": written,
        "input_cache_creation_1h": input_ * 2,
    }
    return _model(id_, pattern, prices)


def _google(id_: str, name: str, input_: float, cached: float, output: float) -> Model:
    prices = {
        **dict.fromkeys(("input", "input_text", "prompt_token_count"), input_),
        **dict.fromkeys(("input_cached_tokens", "cached_content_token_count"), cached),
        **dict.fromkeys(("output", "output_text", "candidates_token_count"), output),
        "thoughts_token_count": output,
    }
    return _model(id_, _GOOGLE.format(re.escape(name)), prices)


# US dollars per million tokens: input, cached input, output.
_MODELS: Final = (
    _openai("clyrjp56f0000t0mzapoocd7u", "gpt-4o-mini", 0.15, 0.075, 0.6),
    _openai("clyrjpbe20000t0mzcbwc42rg", "gpt-4o-mini-2024-07-18", 0.15, 0.075, 0.6),
    _openai("b9854a5c92dc496b997d99d20", "gpt-4o", 2.5, 1.25, 10),
    _openai("cm7nusn643377tvmzh27m33kl", "gpt-4.1", 2, 0.5, 8),
    _openai("cm7zzrs1327124dhjtb95w8p96", "gpt-4.1-mini", 0.4, 0.1, 1.6),
    _openai("cm7zxrs1327124dhjtb95w8f45", "gpt-4.1-nano", 0.1, 0.025, 0.4),
    _openai("38c3822a-09a3-457b-b200-2c6f17f7cf2f", "gpt-5", 1.25, 0.125, 10),
    _openai("3d6a975a-a42d-4ea2-a3ec-4ae567d5a364", "gpt-5-mini", 0.25, 0.025, 2),
    _openai("f0b40234-b694-4c40-9494-7b0efd860fb9", "gpt-5-nano", 0.05, 0.005, 0.4),
    _openai("cmhymgpym000d04ih34rndvhr", "gpt-5.1", 1.25, 0.125, 10),
    _openai("cmj2n4f2a000304kz49g4c43u", "gpt-5.2", 1.75, 0.175, 14),
    _openai("bee3c111-fe6f-4641-8775-73ea33b29fca", "gpt-5.4", 2.5, 0.25, 15),
    _openai("4bf01a9f-663f-4302-a05c-b2b42c5348e3", "gpt-5.4-mini", 0.75, 0.075, 4.5),
    _openai("2d83d130-d0f1-4b5d-be1c-7caf70b8e444", "gpt-5.4-nano", 0.2, 0.02, 1.25),
    _openai("cm7wmny967124dhjtb95w8f81", "o3", 2, 0.5, 8),
    _openai("cm7wqrs1327124dhjtb95w8f81", "o4-mini", 1.1, 0.275, 4.4),
    _anthropic(
        "cmgt5gnkv000104jx171tbq4e",
        rf"(anthropic/)?(claude-haiku-4-5(-20251001)?|{_BEDROCK}claude-haiku-4-5-20251001-v1:0"
        r"|claude-4-5-haiku@20251001)",
        1,
        0.1,
        5,
    ),
    _anthropic(
        "c5qmrqolku82tra3vgdixmys",
        r"(anthropic/)?(claude-sonnet-4-5(-20250929|(-V1)?(@20250929)?)?"
        rf"|{_BEDROCK}claude-sonnet-4-5(-20250929)?-v1(:0)?)",
        3,
        0.3,
        15,
    ),
    _anthropic(
        "90ec5ec3-1a48-4ff0-919c-70cdb8f632ed",
        rf"(anthropic/)?(claude-sonnet-4-6|{_BEDROCK}claude-sonnet-4-6(-v1(:0)?)?)",
        3,
        0.3,
        15,
    ),
    _anthropic(
        "7c2e1f89-3a54-4b67-9d21-58e634b79a0c",
        rf"(anthropic/)?claude-sonnet-5|{_BEDROCK}claude-sonnet-5(-v1(:0)?)?",
        2,
        0.2,
        10,
    ),
    _anthropic(
        "cmieupdva000004l541kwae70",
        r"(anthropic/)?(claude-opus-4-5(-20251101|@20251101)?"
        rf"|{_BEDROCK}claude-opus-4-5(-20251101)?-v1(:0)?)",
        5,
        0.5,
        25,
    ),
    _anthropic(
        "80753fd5-342b-4ed3-bbb1-57d3d57b7e03",
        rf"(anthropic/)?claude-opus-4-8|{_BEDROCK}claude-opus-4-8(-v1(:0)?)?",
        5,
        0.5,
        25,
    ),
    _anthropic(
        "a5b2c3d4-e5f6-4789-8abc-def012345678",
        rf"(anthropic/)?claude-opus-5|{_BEDROCK}claude-opus-5(-v1(:0)?)?",
        5,
        0.5,
        25,
    ),
    _google("cmcnjkfwn000107l43bf5e8ax", "gemini-2.5-flash", 0.3, 0.03, 2.5),
    _google("cmcnjkrfa000207l4fpnh5mnv", "gemini-2.5-flash-lite", 0.1, 0.01, 0.4),
    _google("cmig1hb7i000104l72qrzgc6h", "gemini-2.5-pro", 1.25, 0.125, 10),
    _google("6ed696e7-5f3a-4113-a233-019155fb3ff0", "gemini-3.5-flash", 1.5, 0.15, 9),
    _google("b91d332c-a2fd-b85c-f6e6-971796f3f111", "gemini-3.7-flash", 0.75, 0.075, 3.75),
    _model("", "order-model", {"input": 0.15, "output": 0.6}),
)


def _find(name: str) -> Model | None:
    return next((model for model in _MODELS if model.pattern.fullmatch(name)), None)


_FOUND: Final = BoundedCache(_find)
