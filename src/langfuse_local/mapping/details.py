"""What of a span may be large: its input, its output and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .content import content
from .fields import text_of
from .metadata import COMMON_PREFIX, OBJECT_KEYS, OBSERVATION_PREFIX, TRACE_PREFIX, metadata
from .plan import PLANS
from .tools import with_tools
from .values import attributes

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from .origin import Origin
    from .values import Attributes

__all__ = ["FACETS", "Details", "details_of", "facets_of"]

FACETS: Final = ("tenant_tier", "region", "workflow", "outcome")
"""Keys of the metadata that rows are summed up by."""
_FACETS: Final = {
    f"{prefix}.{key}": key
    for key in FACETS
    for prefix in (OBSERVATION_PREFIX, COMMON_PREFIX, TRACE_PREFIX)
}


class Details(NamedTuple):
    """The fields of these names of `Observation`; the origin is what metadata is left of it."""

    input: str | None
    output: str | None
    own_metadata: dict[str, str]
    origin: Origin


def details_of(span: Span, origin: Origin) -> Details:
    """Map what of a span may be large."""
    values = attributes(span.attributes)
    plan = PLANS[tuple(values)]
    input_text, output_text = None, None
    if plan.has_content or span.events:
        input_text, output_text = content(values, span.events)
    own, rest = metadata(values, plan.places, origin)
    return Details(with_tools(input_text, own), output_text, own, rest)


def facets_of(values: Attributes, origin: Origin) -> dict[str, str]:
    """Return the part of the metadata that has a key of FACETS."""
    found = [(key, name) for name, key in _FACETS.items() if name in values]
    keys = dict(found)
    if len(keys) == len(found) and OBJECT_KEYS.isdisjoint(values):
        return {key: text_of(values[name]) for key, name in found}
    own, _ = metadata(values, PLANS[tuple(values)].places, origin)
    return {key: own[key] for key in FACETS if key in own}
