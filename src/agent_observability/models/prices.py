"""List prices of the models this application may use, in US dollars per token."""

from typing import Final

__all__ = ["cost_in_usd"]

_PRICES: Final = {
    "order-model": (0.15e-6, 0.60e-6),
    "gpt-4o-mini": (0.15e-6, 0.60e-6),
}


def cost_in_usd(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """Return the price of one call, or None when the model's price is not known here."""
    price = _PRICES.get(model)
    if price is None:
        return None
    return price[0] * input_tokens + price[1] * output_tokens
