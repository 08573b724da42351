"""What a token costs, by model name.

Langfuse prices a span when it arrives, never later, and only if the span brought no cost of its
own. Its built-in list has 167 models; here are the one that the recorded answers use and the
demo's own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.tiers import tiers_of
from langfuse_local.memory import Remembered

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from langfuse_local.mapping.tiers import Tier

__all__ = ["BUILT_IN", "ModelPrice", "Prices", "price_of"]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """US dollars per token of the models that a pattern matches.

    Attributes:
        model: What the price is called.
        pattern: Searched in the model's name; anchor it to match the whole name.
        per_token: By kind of usage: `input`, `output`, `input_cached_tokens`, `total`, ...
        tiers: Other prices for usage that meets their conditions; the first that takes it counts.
    """

    model: str
    pattern: re.Pattern[str]
    per_token: Mapping[str, float]
    tiers: tuple[Tier, ...] = ()

    def of(self, usage: Mapping[str, int]) -> Mapping[str, float]:
        """The prices that hold for this usage, in tokens by kind."""
        return next((tier.per_token for tier in self.tiers if tier.takes(usage)), self.per_token)


_MINI: Final = {
    "input": 1.5e-7,
    "output": 6e-7,
    "input_cached_tokens": 7.5e-8,
    "input_cache_read": 7.5e-8,
}

BUILT_IN: Final = (
    ModelPrice(
        "gpt-4o-mini",
        re.compile(r"(?i)^(openai/)?(gpt-4o-mini)$"),
        _MINI,
    ),
    ModelPrice(
        "gpt-4o-mini-2024-07-18",
        re.compile(r"(?i)^(openai/)?(gpt-4o-mini-2024-07-18)$"),
        _MINI,
    ),
    ModelPrice(
        "order-model",
        re.compile(r"(?i)^(order-model)$"),
        {"input": 1.5e-7, "output": 6e-7},
    ),
)


class Prices:
    """Model prices in order of precedence: the project's own, then the built-in ones.

    `find(model)` is the first whose pattern occurs in the model's name, None if there is none.
    """

    def __init__(self, own: Iterable[ModelPrice] = ()) -> None:
        self._models = (*own, *BUILT_IN)
        self.find = Remembered(self._search).__getitem__

    def _search(self, model: str) -> ModelPrice | None:
        return next((price for price in self._models if price.pattern.search(model)), None)


def price_of(row: sqlite3.Row) -> ModelPrice:
    """The price in a row of `models`."""
    tiers = tiers_of(json.loads(row["answer"])["pricingTiers"])
    return ModelPrice(row["name"], re.compile(row["pattern"]), json.loads(row["prices"]), tiers)
