"""Where each field of an observation came from, and what became of each attribute that was sent.

    origin = provenance(observation)
    origin.fields        Field(name, value, attributes, rule): the attributes that set it, if any
    origin.attributes    Attribute(source, name, type, value, status, reason), as they were sent

Both are found with the mapper's own rules, in what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .content import source_of
from .fates import attributes_of
from .rules import RULES
from .sent import Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .fates import Attribute
    from .observation import Observation
    from .rules import Key, Rule

__all__ = ["Field", "Provenance", "provenance"]

_ALWAYS: Final = frozenset({"Session", "User"})
_CONTENT: Final = {"Input": "input_names", "Output": "output_names"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field, its value, the attributes that set it, and the rule; no attributes if none did.

    An attribute of the resource is named `resource …`, an event of the span `event …`.
    """

    name: str
    value: str
    attributes: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """The fields of an observation, and the attributes of its span, resource and scope."""

    fields: tuple[Field, ...]
    attributes: tuple[Attribute, ...]


def provenance(row: Observation) -> Provenance:
    """Find where the observation's fields came from, and what became of its attributes."""
    sent = Sent.of(row)
    fields = [_field(rule, sent) for rule in RULES]
    taken = {field.name: field.attributes for field in fields}
    return Provenance(
        tuple(each for each in fields if each.value or each.name in _ALWAYS),
        tuple(attributes_of(sent, taken)),
    )


def _field(rule: Rule, sent: Sent) -> Field:
    value = rule.value(sent.row)
    if not value:
        return Field(rule.field, "", (), "no attribute gives it")
    find = _content_names if rule.field in _CONTENT else _names
    found = [(place, name) for place, name in find(rule, sent)]
    tools = sent.tools if rule.field == "Input" else ()
    if not found and not tools:
        return Field(rule.field, value, (), rule.otherwise)
    order = f"{found[0][0]} of {len(rule.keys)}" if found else "tools that the model may call"
    names = dict.fromkeys((*(name for _, name in found), *tools))
    is_of_resource = bool(found) and rule.keys[found[0][0] - 1].of_resource
    return Field(rule.field, value, tuple(names), order + " (resource)" * is_of_resource)


def _names(rule: Rule, sent: Sent) -> Iterator[tuple[int, str]]:
    """Find what the first key that counts covers, by its place; prefixes count together."""
    is_found = False
    for place, key in enumerate(rule.keys, start=1):
        if is_found and not key.is_prefix:
            return
        for name in _covered(rule, key, sent):
            is_found = True
            yield place, name
        if is_found and not key.is_prefix:
            return


def _covered(rule: Rule, key: Key, sent: Sent) -> Iterator[str]:
    values = sent.row.origin.resource.attributes if key.of_resource else sent.values
    names = [key.name] if key.name in values and not key.is_prefix else []
    if key.is_prefix:
        names = [name for name in values if key.covers(name)]
    for name in names:
        if rule.gives(sent.row, name, values[name]):
            yield f"resource {name}" if key.of_resource else name


def _content_names(rule: Rule, sent: Sent) -> Iterator[tuple[int, str]]:
    source = source_of(sent.values, sent.span.events)
    names = getattr(source, _CONTENT[rule.field]) if source else ()
    for place, key in enumerate(rule.keys, start=1):
        own = key.name.removeprefix("event ")
        if source is None or own not in names or (own != key.name) != source.of_events:
            continue
        if source.of_events:
            yield from ((place, key.name) for event in sent.span.events if event.name == own)
        else:
            yield from ((place, name) for name in sent.values if key.covers(name))
