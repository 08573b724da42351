"""What became of each attribute that was sent: it set a field, became metadata, or was ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from .content import IGNORED_KEYS, is_content
from .fields import text_of
from .generations import is_roll_up
from .metadata import OBJECT_KEYS
from .rules import RULES
from .values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from .sent import Sent

__all__ = ["Attribute", "attributes_of"]

Status = Literal["mapped", "metadata", "ignored"]

_TYPES: Final = {
    "string_value": "string",
    "bool_value": "bool",
    "int_value": "int",
    "double_value": "double",
    "array_value": "array",
    "kvlist_value": "map",
    "bytes_value": "bytes",
}
_ROLLED_UP: Final = frozenset({"Model", "Usage", "Cost"})
_PROMPT: Final = frozenset({"Prompt", "Prompt version"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it was sent, and what became of it.

    Attributes:
        source: `span`, `resource` or `scope`.
        type: As in OTLP: string, bool, int, double, array, map, bytes, or empty.
        value: As text, JSON unless it is a string.
        status: What became of it; one that sets a field may be metadata as well.
        reason: The fields that it sets, its names in the metadata, or why it is ignored.
    """

    source: str
    name: str
    type: str
    value: str
    status: Status
    reason: str


def attributes_of(sent: Sent, taken: Mapping[str, tuple[str, ...]]) -> Iterator[Attribute]:
    """List the attributes; `taken` has the names that set each field."""
    fields = _by_name(taken)
    pairs = sent.span.attributes
    last = {pair.key: place for place, pair in enumerate(pairs)}
    for place, pair in enumerate(pairs):
        if last[pair.key] == place:
            yield _attribute("span", pair, *_fate(sent, pair.key, fields, taken))
        else:
            yield _attribute("span", pair, "ignored", "sent again: the last one counts")
    origin, shared = sent.row.origin, sent.row.details.origin.metadata
    for pair in origin.resource.message.resource.attributes:
        kept = f"resourceAttributes.{pair.key}"
        names = fields.get(f"resource {pair.key}", [])
        yield _attribute("resource", pair, *_shared(names, kept, shared))
    for pair in origin.scope.message.scope.attributes:
        yield _attribute("scope", pair, *_shared([], f"scope.attributes.{pair.key}", shared))


def _by_name(taken: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for field, names in taken.items():
        for name in names:
            fields.setdefault(name, []).append(field)
    return fields


def _attribute(source: str, pair: KeyValue, status: Status, reason: str) -> Attribute:
    kind = pair.value.WhichOneof("value") or ""
    value = text_of(attributes([pair])[pair.key])
    return Attribute(source, pair.key, _TYPES.get(kind, "empty"), value, status, reason)


def _shared(names: list[str], kept: str, metadata: Mapping[str, str]) -> tuple[Status, str]:
    if names:
        return "mapped", ", ".join(names)
    if kept in metadata:
        return "metadata", kept
    return "ignored", "the sender's metadata has taken its place"


def _fate(
    sent: Sent, name: str, fields: Mapping[str, list[str]], taken: Mapping[str, tuple[str, ...]]
) -> tuple[Status, str]:
    kept = ", ".join(dict.fromkeys(sent.kept_as(name)))
    if name in fields:
        return "mapped", ", ".join(fields[name])
    if name in OBJECT_KEYS:
        return "metadata", "its members, if it holds a JSON object"
    if kept and not kept.startswith("attributes."):
        return "metadata", kept
    if reason := _why_not(sent, name, taken):
        return "ignored", f"{reason}; kept as {kept}" if kept else reason
    return ("metadata", kept) if kept else ("ignored", _why_not_kept(sent, name))


def _why_not(sent: Sent, name: str, taken: Mapping[str, tuple[str, ...]]) -> str:
    """Return why a rule that knows the attribute did not use it; empty if none knows it."""
    known = [
        rule.field
        for rule in RULES
        for key in rule.keys
        if key.covers(name) and not key.of_resource
    ]
    if name in IGNORED_KEYS:
        return "Langfuse 4 reads a trace's content from its root's langfuse.observation.*"
    if is_roll_up(sent.values) and _ROLLED_UP.intersection(known):
        return f"a span of {sent.values['gen_ai.operation.name']} repeats those below it"
    if sent.row.type != "GENERATION" and _PROMPT.intersection(known):
        return "only a GENERATION has a prompt"
    if not known and not is_content(name):
        return ""
    if not sent.values[name]:
        return "it is empty"
    winners = [winner for field in known for winner in taken[field]]
    return f"{winners[0]} comes first" if winners else "no field can have its value"


def _why_not_kept(sent: Sent, name: str) -> str:
    if sent.row.origin.scope.is_own_sdk:
        return "Langfuse's own SDK sent it, and Langfuse does not repeat it"
    if any(place in sent.row.metadata for place in sent.places.get(name, ())):
        return "another attribute has taken its place in the metadata"
    return "the sender's metadata has taken its place, or its name is one JavaScript reserves"
