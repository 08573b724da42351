"""Attach entries to the OpenTelemetry context, read them back for a span, and restore safely.

The entries are in the baggage, where the application finds them, and beside it, where spans are
stamped from: anybody may set baggage, a stranger's request header too, and nobody has checked it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

__all__ = [
    "OWN_PREFIXES",
    "Block",
    "attach",
    "attached_baggage",
    "join_tags",
    "restore",
    "span_attributes",
]

_log = logging.getLogger(__name__)
_SESSION: Final = "langfuse.session.id"
_BLOCK: Final = otel_context.create_key("langfuse-otel-block")
# Entries that an outer block or a stranger's header has set never reach into another block.
OWN_PREFIXES: Final = ("langfuse.", "app.langfuse.")
# The API keeps all entries under one key. Every set_baggage() would copy them, and the context.
[_BAGGAGE] = baggage.clear(Context())


@dataclass(slots=True, eq=False)
class Block:
    """What `attach()` has put into the context; hand it to `restore()`.

    Attributes:
        attributes: Attributes of every span that starts inside.
        entries: Baggage entries.
        before: The context outside.
        outer: The block around this one, if there is one.
    """

    attributes: Mapping[str, AttributeValue]
    entries: Mapping[str, str]
    before: Context
    outer: "Block | None"


def attach(
    *, attributes: Mapping[str, AttributeValue | None], entries: Mapping[str, str | None]
) -> Block:
    """Make span attributes and baggage entries current, in place of those of an outer block.

    None and an empty text or list are left out: Langfuse makes a bogus tag of an empty array.
    Other baggage and other values of the context stay as they are. The mappings are kept: do not
    change them afterwards.
    """
    stamped, carried = _without_empty(attributes), _without_empty(entries)
    before = otel_context.get_current()
    inside = {**carried, **_foreign(before)}
    block = Block(stamped, carried, before, _block(before))
    otel_context.attach(Context({**before, _BAGGAGE: inside, _BLOCK: block}))
    return block


def join_tags(tags: Sequence[str]) -> str:
    """Return tags as one baggage value, joined by commas; a comma within a tag is `%2C`."""
    # A checked tag has no line break in it.
    return "\n".join(tags).replace("%", "%25").replace(",", "%2C").replace("\n", ",")


def restore(block: Block) -> None:
    """Go back to the context before the block, if the block is open in the current context.

    Another task may finish a generator that holds the block, and a collected one is closed
    anywhere. The current context is then not this block's, and stays.
    """
    open_block = _block(otel_context.get_current())
    while open_block is not None and open_block is not block:
        open_block = open_block.outer
    if open_block is block:
        # Not detach(token), which logs an error in a child task that has a copy of the context.
        otel_context.attach(block.before)


def span_attributes(context: Context | None = None) -> Mapping[str, AttributeValue]:
    """Return the attributes for a span that starts in the context, none outside of a block."""
    block = _block(otel_context.get_current() if context is None else context)
    if block:
        return block.attributes
    if baggage.get_baggage(_SESSION, context):
        _warn_of_raw_baggage()
    return {}


def attached_baggage(context: Context | None = None) -> Mapping[str, str]:
    """Return the baggage entries of the context's block: checked ones, never a stranger's."""
    block = _block(otel_context.get_current() if context is None else context)
    return block.entries if block else {}


def _without_empty(values: Mapping[str, Any]) -> Mapping[str, Any]:
    if all(values.values()):
        return values
    return {key: value for key, value in values.items() if value}


def _foreign(context: Context) -> Mapping[str, object]:
    entries = cast("Mapping[str, object]", context.get(_BAGGAGE, {}))
    return {key: value for key, value in entries.items() if not key.startswith(OWN_PREFIXES)}


def _block(context: Context) -> Block | None:
    return cast("Block | None", context.get(_BLOCK))


@cache
def _warn_of_raw_baggage() -> None:
    _log.warning(
        "Spans lack the session that is in the baggage, because langfuse_otel.attach() did not"
        " put it there. If langfuse_context.py sets baggage itself, use a span processor in"
        " telemetry.py that reads baggage."
    )
