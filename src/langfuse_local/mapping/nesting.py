"""Messages that were flattened into attribute names, put together again.

OpenInference sends `llm.input_messages.0.message.role`, older conventions `gen_ai.prompt.0.role`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .javascript import Value
    from .values import Attributes

__all__ = ["nested"]

# The names come from outside: without bounds, a few of them could fill the memory.
_MAX_DEPTH: Final = 64
_MAX_GAPS: Final = 10
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")


def nested(attributes: Attributes, prefix: str) -> Value:
    """Return the object or list under a prefix, or the attribute of that very name if not empty.

    Of two names that contradict each other (`a.0` and `a.0.b`) the first counts.
    """
    if whole := attributes.get(prefix):
        return whole
    root: dict[str, Value] = {}
    start = f"{prefix}."
    for key, value in attributes.items():
        path = key.removeprefix(start).split(".")
        if key.startswith(start) and len(path) <= _MAX_DEPTH:
            _insert(root, path, value)
    return _with_lists(root)


def _insert(node: dict[str, Value], path: list[str], value: Value) -> None:
    """Put the value at the path, unless another one is in its way."""
    for step in path[:-1]:
        child = node.setdefault(step, {})
        if not isinstance(child, dict):
            return
        node = child
    node.setdefault(path[-1], value)


def _with_lists(value: Value) -> Value:
    """Turn objects whose names count from 0 into lists, with nulls in their gaps."""
    if not isinstance(value, dict):
        return value
    members = {name: _with_lists(member) for name, member in value.items()}
    if not members or not all(map(_INDEX.fullmatch, members)):
        return members
    length = max(map(int, members)) + 1
    if length > len(members) + _MAX_GAPS:
        return members
    return [members.get(str(index)) for index in range(length)]
