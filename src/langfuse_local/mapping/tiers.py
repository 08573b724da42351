"""Prices that depend on how much was used: the tiers of a model after its default one."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["OPERATORS", "Tier", "tiers_of"]

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True, slots=True)
class _Condition:
    """The sum over the kinds of usage in whose name the pattern occurs, compared."""

    pattern: re.Pattern[str]
    holds: Callable[[float, float], bool]
    value: float

    def met(self, usage: Mapping[str, int]) -> bool:
        used = sum(count for kind, count in usage.items() if self.pattern.search(kind))
        return self.holds(used, self.value)


@dataclass(frozen=True, slots=True)
class Tier:
    """US dollars by kind of usage, for usage that meets every condition."""

    conditions: tuple[_Condition, ...]
    per_token: Mapping[str, float]

    def takes(self, usage: Mapping[str, int]) -> bool:
        """Whether usage belongs here."""
        return all(condition.met(usage) for condition in self.conditions)


def tiers_of(pricing: Iterable[Mapping[str, Any]]) -> tuple[Tier, ...]:
    """The tiers with conditions, in the order in which they are tried: by priority."""
    special = (tier for tier in pricing if not tier["isDefault"])
    return tuple(
        Tier(tuple(map(_condition, tier["conditions"])), tier["prices"])
        for tier in sorted(special, key=operator.itemgetter("priority"))
    )


def _condition(sent: Mapping[str, Any]) -> _Condition:
    flags = re.NOFLAG if sent["caseSensitive"] else re.IGNORECASE
    pattern = re.compile(sent["usageDetailPattern"], flags)
    return _Condition(pattern, OPERATORS[sent["operator"]], sent["value"])
