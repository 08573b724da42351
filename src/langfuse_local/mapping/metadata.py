"""An observation's metadata: what the sender called metadata, and what no field has taken.

Langfuse stores one flat map of text per row, nested names joined by dots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..cache import BoundedCache
from .content import CONTENT_KEYS, CONTENT_PREFIXES
from .fields import text_of
from .javascript import Value, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .origin import Origin
    from .values import Attributes

__all__ = [
    "BLOCKS",
    "COMMON_PREFIX",
    "OBJECT_KEYS",
    "OBSERVATION_PREFIX",
    "TRACE_PREFIX",
    "Places",
    "metadata",
]

TRACE_PREFIX: Final = "langfuse.trace.metadata"
OBSERVATION_PREFIX: Final = "langfuse.observation.metadata"
COMMON_PREFIX: Final = "langfuse.metadata"
# A sender's own key of one of these names replaces the whole block.
BLOCKS: Final = ("attributes", "resourceAttributes", "scope")

_TAKEN: Final = (*CONTENT_PREFIXES, TRACE_PREFIX, OBSERVATION_PREFIX)
_DANGEROUS: Final = re.compile(r"(?:^|\.)(?:__proto__|constructor|prototype)(?:\.|$)")
OBJECT_KEYS: Final = {OBSERVATION_PREFIX, TRACE_PREFIX, COMMON_PREFIX}
# Every member repeats the names above it: with long ones, a small text would fill the memory.
# What lies deeper stays the JSON that it is.
_LONGEST_NAME: Final = 200
_IS_SAFE: Final = BoundedCache(lambda name: not _DANGEROUS.search(name))


@dataclass(frozen=True, slots=True)
class Places:
    """Attributes by where they belong in the metadata, each with its name there.

    Attributes:
        rest: Below `attributes.`: those that no field takes.
        observation: The sender's metadata of the observation.
        trace: That of the trace, which counts over it.
        has_objects: Whether metadata also comes as an object inside one attribute.
    """

    rest: tuple[tuple[str, str], ...]
    observation: tuple[tuple[str, str], ...]
    trace: tuple[tuple[str, str], ...]
    has_objects: bool

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Places:
        """Find where attributes of these names belong; some do in two places."""
        observation = [(name, _below(OBSERVATION_PREFIX, name)) for name in names]
        trace = [(name, _below(TRACE_PREFIX, name)) for name in names]
        return cls(
            tuple((name, f"attributes.{name}") for name in names if not _is_taken(name)),
            tuple((name, place) for name, place in observation if place),
            tuple((name, place) for name, place in trace if place),
            has_objects=not OBJECT_KEYS.isdisjoint(names),
        )


def metadata(span: Attributes, places: Places, origin: Origin) -> tuple[dict[str, str], Origin]:
    """Return the row's own metadata, and what remains of the metadata of its origin.

    Args:
        span: The span's attributes.
        places: Where they belong.
        origin: Where the span comes from. What Langfuse's own SDK sends is not repeated.
    """
    own: dict[str, str] = {}
    if not origin.scope.is_own_sdk:
        own = {place: text_of(span[name]) for name, place in places.rest}
    members = _members(span, places)
    if not members:
        return own, origin
    if not members.keys().isdisjoint(BLOCKS):
        replaced = tuple(f"{block}." for block in BLOCKS if block in members)
        own = {key: value for key, value in own.items() if not key.startswith(replaced)}
        origin = origin.without(replaced)
    for key, value in _flat(members):
        if key not in origin.metadata:
            own.setdefault(key, value)  # Of the same name twice, the first counts.
    return own, origin


def _is_taken(name: str) -> bool:
    return name in CONTENT_KEYS or name.startswith(_TAKEN)


def _below(prefix: str, name: str) -> str:
    """Return an attribute's name in the metadata of this prefix, empty if it has none."""
    starts = (f"{start}." for start in (prefix, COMMON_PREFIX))
    return next((name.removeprefix(start) for start in starts if name.startswith(start)), "")


def _members(span: Attributes, places: Places) -> dict[str, Value]:
    """Return what the sender called metadata: the observation's with the trace's over it."""
    own = {place: span[name] for name, place in places.observation}
    shared = {place: span[name] for name, place in places.trace}
    if not places.has_objects:
        return own | shared
    return _object(span, OBSERVATION_PREFIX) | own | _object(span, TRACE_PREFIX) | shared


def _object(span: Attributes, key: str) -> dict[str, Value]:
    """Return the object that is the attribute itself; anything else is no metadata."""
    value = span.get(key) or span.get(COMMON_PREFIX)
    if isinstance(value, str):
        try:
            value = parse(value)
        except ValueError:
            return {}
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


def _flat(members: dict[str, Value], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in members.items():
        name = f"{path}{key}" if path else key
        if isinstance(value, dict) and len(name) <= _LONGEST_NAME:
            yield from _flat(value, f"{name}.")
        elif _IS_SAFE[name]:
            yield name, value if isinstance(value, str) else text_of(value)
