"""Messages that were flattened into attribute names, put together again.

OpenLLMetry sends `gen_ai.prompt.0.role`, OpenInference `llm.input_messages.0.message.role`. The
names come from outside, so depth and list length are bounded as in Langfuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .javascript import Value
    from .values import Attributes

__all__ = ["nested"]

_MAX_DEPTH: Final = 64
_MAX_SLOTS: Final = 10_001
_REFUSED: Final = {"", "__proto__", "constructor", "prototype"}


class _Node(dict[str, "_Node | Value"]):
    """An object or list under construction, told apart from a value that is itself a list."""

    def __init__(self, *, is_list: bool) -> None:
        super().__init__()
        self.is_list = is_list
        self.size = 0

    def growth(self, key: str) -> int:
        """Return how many slots longer a list becomes with this index."""
        return max(0, int(key) + 1 - self.size) if self.is_list else 0

    def put(self, key: str, value: _Node | Value) -> None:
        self.size += self.growth(key)
        self[key] = value

    def plain(self) -> Value:
        """Return the list, with nulls in its gaps, or the object."""
        members = {k: v.plain() if isinstance(v, _Node) else v for k, v in self.items()}
        if not self.is_list:
            return members
        return [members.get(str(index)) for index in range(self.size)]


def nested(attributes: Attributes, prefix: str) -> Value:
    """Return the object or list under a prefix, or the attribute of that very name if not empty.

    Of two names that contradict each other (`a.0` and `a.0.b`) the first counts.
    """
    if whole := attributes.get(prefix):
        return whole
    start = f"{prefix}."
    paths = [
        (key.removeprefix(start).split("."), value)
        for key, value in attributes.items()
        if key.startswith(start)
    ]
    paths = [(path, value) for path, value in paths if _is_allowed(path)]
    root = _Node(is_list=any(len(path) > 1 and _is_index(path[0]) for path, _ in paths))
    slots = _MAX_SLOTS
    for path, value in paths:
        slots -= _insert(root, path, value, slots)
    return root.plain()


def _insert(node: _Node, path: list[str], value: Value, slots: int) -> int:
    """Put the value at the path if nothing is in its way; return the list slots used."""
    used = 0
    for step, following in zip(path, [*path[1:], None], strict=True):
        if node.is_list and not _is_index(step):
            return used
        used += node.growth(step)
        if used > slots:
            return 0
        child = node.get(step)
        if following is None:
            if not isinstance(child, _Node):
                node.put(step, value)
            return used
        if child is None:
            child = _Node(is_list=_is_index(following))
            node.put(step, child)
        if not isinstance(child, _Node):
            return used
        node = child
    return used


def _is_allowed(path: list[str]) -> bool:
    return len(path) <= _MAX_DEPTH and not any(
        step in _REFUSED or (_is_index(step) and _too_large(step)) for step in path
    )


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and (step == "0" or step[0] != "0")


def _too_large(index: str) -> bool:
    return len(index) > len(str(_MAX_SLOTS)) or int(index) >= _MAX_SLOTS
