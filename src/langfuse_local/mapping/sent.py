"""What was sent of an observation, and what the metadata of it would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from .metadata import metadata
from .plan import PLANS
from .values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from .observation import Observation
    from .values import Attributes

__all__ = ["Sent"]


@dataclass(frozen=True, slots=True)
class Sent:
    """An observation beside its span.

    Attributes:
        row: The observation.
        span: The OTLP message, less ids and times.
        values: The span's attributes by name.
        places: The names of attributes and of the metadata that they become, a name may repeat.
        tools: Attributes that were taken out of the metadata and put into the input.
    """

    row: Observation
    span: Span
    values: Attributes
    places: dict[str, list[str]]
    tools: tuple[str, ...]

    @classmethod
    def of(cls, row: Observation) -> Self:
        """Read what was sent."""
        span = row.span
        values = attributes(span.attributes)
        plan = PLANS[tuple(values)].places
        places: dict[str, list[str]] = {}
        for name, place in (*plan.trace, *plan.observation, *plan.rest):
            places.setdefault(name, []).append(place)
        own, _ = metadata(values, plan, row.origin)
        moved = own.keys() - row.own_metadata.keys()
        tools = [name for name in places if not moved.isdisjoint(places[name])]
        return cls(row, span, values, places, tuple(tools))

    def kept_as(self, name: str) -> Iterator[str]:
        """The names in the metadata that the span's attribute has."""
        return (place for place in self.places.get(name, ()) if place in self.row.own_metadata)
