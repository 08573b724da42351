"""An observation's metadata: what the sender called metadata, and what no field has taken.

Langfuse stores one flat map of text per row, nested names joined by dots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.content import CONTENT_KEYS, CONTENT_PREFIXES
from langfuse_local.fields import sent
from langfuse_local.javascript import Value, parse, stringify, truthy
from langfuse_local.memory import Remembered
from langfuse_local.values import Attributes, attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

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

_PREFIXES: Final = (OBSERVATION_PREFIX, TRACE_PREFIX, *GENERIC_PREFIXES)
_TAKEN: Final = (*CONTENT_PREFIXES, TRACE_PREFIX, OBSERVATION_PREFIX, GENERIC_PREFIXES[1])
_DANGEROUS: Final = re.compile(r"(?:^|\.)(?:__proto__|constructor|prototype)(?:\.|$)")


def metadata(span: Attributes, origin: dict[str, str], *, own_sdk: bool) -> dict[str, str]:
    """The row's metadata.

    Args:
        span: The span's attributes.
        origin: What `of_resource` and `of_scope` made of where the span comes from.
        own_sdk: Whether Langfuse's own SDK sent the span: its attributes are not repeated.
    """
    rest = {} if own_sdk else _rest(span)
    given = _given(span)
    if not given:
        return rest | origin
    replaced = tuple(f"{block}." for block in BLOCKS if block in given)
    blocks = rest | origin
    if replaced:
        blocks = {key: value for key, value in blocks.items() if not key.startswith(replaced)}
    blocks.update((key, value) for key, value in _flat(given) if not _DANGEROUS.search(key))
    return blocks


def of_resource(resource: Attributes) -> dict[str, str]:
    """A resource's part of the metadata of all its spans."""
    return {f"resourceAttributes.{key}": sent(value) for key, value in resource.items()}


def of_scope(scope: InstrumentationScope) -> dict[str, str]:
    """An instrumentation scope's part of the metadata of all its spans."""
    named = {"scope.name": scope.name, "scope.version": scope.version}
    own = {f"scope.attributes.{k}": sent(v) for k, v in attributes(scope.attributes).items()}
    return {key: value for key, value in named.items() if value} | own


def _rest(span: Attributes) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else stringify(value)
        for key, value in span.items()
        if (name := _NAMES[key])
    }


def _name(key: str) -> str:
    """Where an attribute that no field took is kept; empty for one that was taken."""
    taken = key in CONTENT_KEYS or key.startswith(_TAKEN)
    return "" if taken else f"attributes.{key}"


def _given(span: Attributes) -> dict[str, Value]:
    """Metadata of the observation, then that of the trace over it."""
    named = [(names, key) for key in span if (names := _GIVEN[key]) is not None]
    if not named:
        return {}
    given: dict[str, Value] = {}
    for number, prefix in enumerate((OBSERVATION_PREFIX, TRACE_PREFIX)):
        given |= _object(span, prefix)
        given |= {names[number]: span[key] for names, key in named if names[number]}
    return given


def _names(key: str) -> tuple[str, str] | None:
    """What the observation's and the trace's metadata call an attribute, None for any other."""
    if not key.startswith(_PREFIXES):
        return None
    if key in EXCLUDED_KEYS:
        return "", ""
    generic = _after(key, GENERIC_PREFIXES)
    return tuple(_after(key, (one,)) or generic for one in (OBSERVATION_PREFIX, TRACE_PREFIX))  # type: ignore[return-value]  # two


_NAMES: Final = Remembered(_name)
_GIVEN: Final = Remembered(_names)


def _after(key: str, prefixes: tuple[str, ...]) -> str:
    starts = (f"{prefix}." for prefix in prefixes)
    return next((key.removeprefix(start) for start in starts if key.startswith(start)), "")


def _object(span: Attributes, key: str) -> dict[str, Value]:
    """The object that is the attribute itself; anything else is no metadata."""
    value = span.get(key)
    if not truthy(value):
        value = span.get(GENERIC_PREFIXES[0])
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
        name = f"{path}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield name, sent(value)
