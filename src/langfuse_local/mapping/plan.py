"""Which rules to run for a span, decided by its attributes' names once for each set of names.

Spans of one kind carry the same attributes every time, and most rules look for what is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..cache import BoundedCache
from .content import is_content
from .generations import is_parameter
from .metadata import Places
from .usage import is_usage

__all__ = ["PLANS", "Plan"]


@dataclass(frozen=True)
class Plan:
    """What attributes of some names may hold.

    Attributes:
        names: In their order.
        has_content: An input or output.
        has_parameters: Parameters of a model.
        has_usage: Tokens.
    """

    names: tuple[str, ...]
    has_content: bool
    has_parameters: bool
    has_usage: bool

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Plan:
        """Make the plan for attributes of these names."""
        return cls(
            names,
            has_content=any(map(is_content, names)),
            has_parameters=any(map(is_parameter, names)),
            has_usage=any(map(is_usage, names)),
        )

    @cached_property
    def places(self) -> Places:
        """Where the attributes belong in the metadata."""
        return Places.of(self.names)


PLANS: Final = BoundedCache(Plan.of, max_key_length=8000, max_entries=1000)
