"""What the names of a span's attributes decide alone, worked out once for each set of names.

Spans of one kind carry the same attributes every time, and most rules look for what is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from langfuse_local.mapping.content import is_content
from langfuse_local.mapping.generations import is_parameter
from langfuse_local.mapping.metadata import Places
from langfuse_local.mapping.usage import is_usage
from langfuse_local.memory import Remembered

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which rules may find something among attributes of these names.

    Attributes:
        has_content: An input or output.
        has_parameters: Parameters of a model.
        has_usage: Tokens.
        places: Where the attributes belong in the metadata.
    """

    has_content: bool
    has_parameters: bool
    has_usage: bool
    places: Places

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Shape:
        """The shape of attributes of these names, in their order."""
        return cls(
            has_content=any(map(is_content, names)),
            has_parameters=any(map(is_parameter, names)),
            has_usage=any(map(is_usage, names)),
            places=Places.of(names),
        )


SHAPES: Final = Remembered(Shape.of, longest=8000, most=1000)
