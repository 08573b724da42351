"""Where each field of a stored row came from, found again by the mapper's rules.

Nothing is recorded for it at ingest. A row keeps its span's attributes in its metadata, so the
rules are applied once more, to see which of them gives the stored value. Three things cannot be
found again, and are said to be so: input and output, whose attributes are not kept a second time;
which of the metadata prefixes a key had; and the spans of Langfuse's own SDKs, which keep none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .metadata import BLOCKS
from .rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .observation import Observation
    from .rules import Key, Rule

__all__ = ["Attribute", "Field", "Provenance", "provenance"]

_SPAN, _RESOURCE, _SCOPE = (f"{block}." for block in BLOCKS)
_ALWAYS: Final = frozenset({"Session", "User"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field, its value, the attributes that set it, and the rule; no attributes if none did."""

    name: str
    value: str
    attributes: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute and what became of it: `mapped`, `metadata` or `ignored`."""

    name: str
    value: str
    fate: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """The fields of a row and the attributes of its span."""

    fields: tuple[Field, ...]
    attributes: tuple[Attribute, ...]


def provenance(row: Observation) -> Provenance:
    """Find where the row's fields came from, and what became of its attributes."""
    span, resource = _block(row, _SPAN), _block(row, _RESOURCE)
    fields = [_field(rule, row, span, resource) for rule in RULES]
    return Provenance(
        tuple(each for each in fields if each.value or each.name in _ALWAYS),
        tuple(_attributes(row, fields, span)),
    )


def _field(rule: Rule, row: Observation, span: dict[str, str], resource: dict[str, str]) -> Field:
    value = rule.value(row)
    if not value:
        return Field(rule.field, "", (), "no attribute gives it")
    for place, key in enumerate(rule.keys, start=1):
        attributes = resource if key.of_resource else span
        names = [n for n, text in attributes.items() if key.covers(n) and rule.gives(row, n, text)]
        if names:
            order = f"{place} of {len(rule.keys)}{' (resource)' if key.of_resource else ''}"
            return Field(rule.field, value, tuple(_placed(n, key) for n in names), order)
    return Field(rule.field, value, (), rule.otherwise)


def _attributes(row: Observation, fields: list[Field], span: dict[str, str]) -> Iterator[Attribute]:
    taken = {name for field in fields for name in field.attributes}
    for name, text in sorted(span.items()):
        yield Attribute(name, text, _fate(name, taken))
    for name, text in sorted(row.metadata.items()):
        if name.startswith(_RESOURCE):
            own = f"resource {name.removeprefix(_RESOURCE)}"
            yield Attribute(own, text, "mapped" if own in taken else "metadata")
        elif name.startswith(_SCOPE):
            yield Attribute(name, text, "metadata")
        elif not name.startswith(_SPAN):
            yield Attribute(_prefixed(name), text, "metadata")


def _fate(name: str, taken: set[str]) -> str:
    if name in taken:
        return "mapped"
    known = any(key.covers(name) for rule in RULES for key in rule.keys if not key.of_resource)
    return "ignored" if known else "metadata"


def _placed(name: str, key: Key) -> str:
    return f"resource {name}" if key.of_resource else name


def _prefixed(name: str) -> str:
    # The prefixes of the trace and of the observation end as the same metadata key.
    return f"langfuse.(trace or observation).metadata.{name}"


def _block(row: Observation, prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): text
        for name, text in row.metadata.items()
        if name.startswith(prefix)
    }
