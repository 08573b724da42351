"""Delivery policies by region, from `data/policies.json`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Policy", "search_policies"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy text and the region it holds for (`global` holds everywhere)."""

    id: str
    region: str
    text: str


def search_policies(region: str) -> Sequence[Policy]:
    """Return the policies that hold in the region, its own before the global ones."""
    found = [each for each in _corpus() if each.region in {region, "global"}]
    return sorted(found, key=lambda each: (each.region == "global", each.id))


@cache
def _corpus() -> tuple[Policy, ...]:
    text = resources.files(__package__).joinpath("data/policies.json").read_text()
    return tuple(Policy(**each) for each in json.loads(text))
