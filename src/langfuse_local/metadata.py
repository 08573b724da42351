"""An observation's metadata: what the sender called metadata, and what no field has taken.

Langfuse stores one flat map of text per row, nested names joined by dots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.content import CONTENT_KEYS, CONTENT_PREFIXES
from langfuse_local.fields import sent
from langfuse_local.javascript import Value, parse, stringify
from langfuse_local.memory import Remembered
from langfuse_local.values import Attributes, attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

    from langfuse_local.observation import Origin

__all__ = [
    "BLOCKS",
    "EXCLUDED_KEYS",
    "GENERIC_PREFIXES",
    "OBSERVATION_PREFIX",
    "TRACE_PREFIX",
    "metadata",
    "of_resource",
    "of_scope",
]

TRACE_PREFIX: Final = "langfuse.trace.metadata"
OBSERVATION_PREFIX: Final = "langfuse.observation.metadata"
GENERIC_PREFIXES: Final = ("langfuse.metadata", "ai.telemetry.metadata")
# Taken by fields of their own.
EXCLUDED_KEYS: Final = frozenset(
    f"ai.telemetry.metadata.{name}" for name in ("userId", "sessionId", "tags", "langfusePrompt")
)
# A sender's own key of one of these names replaces the whole block.
BLOCKS: Final = ("attributes", "resourceAttributes", "scope")

_TAKEN: Final = (*CONTENT_PREFIXES, TRACE_PREFIX, OBSERVATION_PREFIX, GENERIC_PREFIXES[1])
_DANGEROUS: Final = re.compile(r"(?:^|\.)(?:__proto__|constructor|prototype)(?:\.|$)")
_IS_SAFE: Final = Remembered(lambda name: not _DANGEROUS.search(name))


def metadata(span: Attributes, origin: Origin, *, own_sdk: bool) -> tuple[dict[str, str], Origin]:
    """The row's own metadata, and what remains of the metadata of where it comes from.

    Args:
        span: The span's attributes.
        origin: What `of_resource` and `of_scope` made of where the span comes from.
        own_sdk: Whether Langfuse's own SDK sent the span: its attributes are not repeated.
    """
    rest, given = _sorted(span)
    own = {} if own_sdk else rest
    if not given:
        return own, origin
    if replaced := tuple(f"{block}." for block in BLOCKS if block in given):
        own = {key: value for key, value in own.items() if not key.startswith(replaced)}
        origin = origin.without(replaced)
    for key, value in _flat(given):
        if key not in origin.metadata:
            own.setdefault(key, value)  # Of the same name twice, the first counts.
    return own, origin


def of_resource(resource: Attributes) -> dict[str, str]:
    """A resource's part of the metadata of all its spans."""
    return {f"resourceAttributes.{key}": sent(value) for key, value in resource.items()}


def of_scope(scope: InstrumentationScope) -> dict[str, str]:
    """An instrumentation scope's part of the metadata of all its spans."""
    named = {"scope.name": scope.name, "scope.version": scope.version}
    own = {f"scope.attributes.{k}": sent(v) for k, v in attributes(scope.attributes).items()}
    return {key: value for key, value in named.items() if value} | own


def _sorted(span: Attributes) -> tuple[dict[str, str], dict[str, Value]]:
    """Attributes that no field took; metadata of the observation with that of the trace over it."""
    rest: dict[str, str] = {}
    own: dict[str, Value] = {}
    shared: dict[str, Value] = {}
    for key, value in span.items():
        in_rest, in_own, in_shared = _PLACES[key]
        if in_rest:
            rest[in_rest] = value if isinstance(value, str) else stringify(value)
        if in_own:
            own[in_own] = value
        if in_shared:
            shared[in_shared] = value
    return rest, _object(span, OBSERVATION_PREFIX) | own | _object(span, TRACE_PREFIX) | shared


def _places(key: str) -> tuple[str, str, str]:
    """The attribute's name among the rest, in the observation's and in the trace's metadata."""
    is_taken = key in CONTENT_KEYS or key.startswith(_TAKEN)
    names = ["" if is_taken else f"attributes.{key}"]
    for prefix in (OBSERVATION_PREFIX, TRACE_PREFIX):
        starts = [
            f"{start}." for start in (prefix, *GENERIC_PREFIXES) if key.startswith(f"{start}.")
        ]
        names.append(key.removeprefix(starts[0]) if starts and key not in EXCLUDED_KEYS else "")
    return names[0], names[1], names[2]


_PLACES: Final = Remembered(_places)


def _object(span: Attributes, key: str) -> dict[str, Value]:
    """The object that is the attribute itself; anything else is no metadata."""
    value = span.get(key) or span.get(GENERIC_PREFIXES[0])
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
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif _IS_SAFE[name]:
            yield name, value if isinstance(value, str) else sent(value)
