"""Definitions of a model's tools: attributes or metadata of a span, shown as part of its input."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .javascript import Value, parsed, stringify

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TOOL_SOURCES", "with_tools"]

# Names in a row's metadata, in order of precedence.
_LISTS: Final = ("tools", "attributes.gen_ai.tool.definitions")
_INDEXED: Final = re.compile(r"attributes\.llm\.tools\.([0-9]{1,9})\.tool\.json_schema")
TOOL_SOURCES: Final = (*_LISTS, "attributes.llm.tools.0.tool.json_schema")


def with_tools(content: str | None, metadata: dict[str, str]) -> str | None:
    """Return the input with the tools that the metadata defines, taken out of the metadata.

    Both stay as they are if there are no tools, or the input has no place for them.
    """
    if metadata.keys().isdisjoint(TOOL_SOURCES):
        return content
    definitions = dict(_definitions(metadata))
    tools = _distinct([tool for listed in definitions.values() for tool in listed])
    merged = _merged(parsed(content), tools) if tools else None
    if merged is None:
        return content
    for key in definitions:
        del metadata[key]
    return stringify(merged)


def _definitions(metadata: dict[str, str]) -> Iterator[tuple[str, list[Value]]]:
    """Find definitions by where they are; a list with something else in it is none."""
    for key in _LISTS:
        listed = parsed(metadata.get(key))
        tools = [*map(parsed, listed)] if isinstance(listed, list) else None
        if tools is not None and all(map(_is_named, tools)):
            yield key, tools
    matches = (match for key in metadata if (match := _INDEXED.fullmatch(key)))
    for match in sorted(matches, key=lambda match: int(match[1])):
        if _is_named(tool := parsed(metadata[match[0]])):
            yield match[0], [tool]


def _merged(content: Value, tools: list[Value]) -> Value:
    """Return the input as an object with tools in it, None if it cannot be one."""
    if content is None:
        return {"tools": tools}
    if isinstance(content, list):
        return {"messages": content, "tools": tools}
    if isinstance(content, str):
        return {"prompt": content, "tools": tools}
    if not isinstance(content, dict):
        return None
    own = parsed(content.get("tools"))
    if own is None:
        return {**content, "tools": tools}
    kept = [tool for tool in map(parsed, own) if _is_tool(tool)] if isinstance(own, list) else []
    return {**content, "tools": _distinct([*kept, *tools])} if kept or own == [] else None


def _distinct(tools: list[Value]) -> list[Value]:
    """Keep each name once, and every tool without a name."""
    seen: set[str] = set()
    kept: list[Value] = []
    for tool in tools:
        name = stringify(_name(tool))
        if name not in seen:
            kept.append(tool)
        if _is_named(tool):
            seen.add(name)
    return kept


def _name(tool: Value) -> Value:
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    if function is None:
        return tool.get("name")
    return function.get("name") if isinstance(function, dict) else None


def _is_named(tool: Value) -> bool:
    return bool(_name(tool))


def _is_tool(tool: Value) -> bool:
    """Tell whether it has a name, or only a type, as the tools of a provider do."""
    return _is_named(tool) or (isinstance(tool, dict) and isinstance(tool.get("type"), str))
