"""What a token costs, by model name.

Langfuse prices a span when it arrives, never later, and only if the span brought no cost of its
own. Its built-in list has 167 models; here are the one that the recorded answers use and the
demo's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["prices_of"]

_MINI: Final = {
    "input": 1.5e-7,
    "output": 6e-7,
    "input_cached_tokens": 7.5e-8,
    "input_cache_read": 7.5e-8,
}
_PRICES: Final[Mapping[str, Mapping[str, float]]] = {
    "gpt-4o-mini": _MINI,
    "gpt-4o-mini-2024-07-18": _MINI,
    "openai/gpt-4o-mini": _MINI,
    "openai/gpt-4o-mini-2024-07-18": _MINI,
    "order-model": {"input": 1.5e-7, "output": 6e-7},
}


def prices_of(model: str) -> Mapping[str, float]:
    """Return US dollars per token by kind of usage; empty if the model's price is unknown."""
    return _PRICES.get(model.lower(), {})
