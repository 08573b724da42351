"""US dollars by kind of usage: the span's own if it has any, else tokens times price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from .usage import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .javascript import Value
    from .values import Attributes

__all__ = ["COST_KEY", "TOTAL_COST_KEYS", "computed_cost", "reported_cost"]

COST_KEY: Final = "langfuse.observation.cost_details"
# Here a zero counts.
TOTAL_COST_KEYS: Final = ("gen_ai.usage.cost", "llm.cost.total")
_SUMMED: Final = {"input", "output"}
_REASONING: Final = {"output_reasoning_tokens", "output_reasoning"}
# The column is a decimal with twelve places that ends below a million.
_PLACES: Final = 12
_LIMIT: Final = 1_000_000
_LARGEST: Final = 999_999.999999


def reported_cost(attributes: Attributes) -> dict[str, float]:
    """Return costs that came with the span; what is no number, not even digits in text, is 0.

    A total is added only to costs of input and output alone.
    """
    costs = _reported(attributes)
    kinds = {kind for kind, value in costs.items() if value is not None}
    if not kinds:
        return {}
    amounts = {kind: _amount(value) for kind, value in costs.items()}
    if "total" not in amounts and kinds <= _SUMMED:
        amounts["total"] = _amount(_sum([costs[kind] for kind in kinds]))
    return amounts


def computed_cost(usage: dict[str, int], prices: Mapping[str, float]) -> dict[str, float]:
    """Multiply tokens by price for each kind that has one, with the sum as `total`."""
    costs = {
        kind: _amount(count * per_token)
        for kind, count in usage.items()
        if (per_token := _per_token(kind, prices)) is not None
    }
    if costs and "total" not in costs:
        costs["total"] = _amount(sum(costs.values()))
    return costs


def _reported(attributes: Attributes) -> dict[str, Value]:
    details = json_object(attributes, COST_KEY)
    if details is not None:
        return details
    for key in TOTAL_COST_KEYS:
        value = attributes.get(key)
        if value is not None and value != "":
            return {"total": value}
    return {}


def _per_token(kind: str, prices: Mapping[str, float]) -> float | None:
    price = prices.get(kind)
    return prices.get("output") if price is None and kind in _REASONING else price


def _sum(values: list[Value]) -> Value:
    """Add them up; text among them makes the sum text in JavaScript, and so no amount."""
    numbers = [value for value in values if isinstance(value, int | float)]
    return sum(numbers) if len(numbers) == len(values) else None


def _amount(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    if abs(value) >= _LIMIT:
        return math.copysign(_LARGEST, value)
    return round(float(value), _PLACES)
