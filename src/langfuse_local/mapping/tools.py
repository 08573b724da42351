"""Definitions of a model's tools: sent as attributes or metadata, shown as part of the input."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from langfuse_local.mapping.dialects import payload
from langfuse_local.mapping.javascript import Value, parsed, stringify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TOOL_SOURCES", "with_tools"]

# In a row's metadata, in order of precedence. Others than the AI SDK name every tool.
_REQUEST: Final = "attributes.model_request_parameters"
_AI_TOOLS: Final = "attributes.ai.prompt.tools"
_INDEXED: Final = re.compile(r"attributes\.llm\.tools\.([0-9]{1,9})\.tool\.json_schema")
TOOL_SOURCES: Final = (
    "tools",
    _AI_TOOLS,
    "attributes.gen_ai.tool.definitions",
    _REQUEST,
    "attributes.llm.tools.0.tool.json_schema",
)
_IN_REQUEST: Final = "function_tools"


def with_tools(given: str | None, metadata: dict[str, str]) -> str | None:
    """The input with the tools that the metadata defines, which are taken out of the metadata.

    Both stay as they are if there are no tools, or the input has no place for them.
    """
    if metadata.keys().isdisjoint(TOOL_SOURCES):
        return given
    found = dict(_found(metadata))
    tools = _distinct([tool for tools in found.values() for tool in tools])
    merged = _merged(parsed(given), tools) if tools else None
    if merged is None:
        return given
    for key in found:
        _remove(metadata, key)
    return stringify(merged)


def _found(metadata: dict[str, str]) -> Iterator[tuple[str, list[Value]]]:
    """Definitions by where they are; where one thing is no definition, nothing is taken."""
    for key in TOOL_SOURCES[:-1]:
        text = metadata.get(key)
        is_tool = _has_type if key == _AI_TOOLS else _is_named
        if text is not None and (tools := _definitions(_inside(key, text), is_tool)) is not None:
            yield key, tools
    indexed = sorted((int(found[1]), key) for key in metadata if (found := _INDEXED.fullmatch(key)))
    for _, key in indexed:
        if _is_named(tool := parsed(metadata[key])):
            yield key, [tool]


def _inside(key: str, text: str) -> Value:
    read = parsed(text)
    if key == _REQUEST:
        return payload(read.get(_IN_REQUEST)) if isinstance(read, dict) else None
    return read


def _definitions(value: Value, is_tool: Callable[[Value], bool]) -> list[Value] | None:
    if not isinstance(value, list):
        return None
    tools = [parsed(tool) for tool in value]
    return tools if all(map(is_tool, tools)) else None


def _remove(metadata: dict[str, str], key: str) -> None:
    text = metadata.pop(key)
    request = parsed(text) if key == _REQUEST else None
    if isinstance(request, dict) and (
        rest := {k: v for k, v in request.items() if k != _IN_REQUEST}
    ):
        metadata[key] = stringify(rest)


def _merged(given: Value, tools: list[Value]) -> Value:
    """The input as an object with tools in it, None if it cannot be one."""
    if given is None:
        return {"tools": tools}
    if isinstance(given, list):
        return {"messages": given, "tools": tools}
    if isinstance(given, str):
        return {"prompt": given, "tools": tools}
    if not isinstance(given, dict):
        return None
    own = parsed(given.get("tools"))
    if own is None:
        return {**given, "tools": tools}
    kept = [tool for tool in map(parsed, own) if _has_type(tool)] if isinstance(own, list) else []
    return {**given, "tools": _distinct([*kept, *tools])} if kept or own == [] else None


def _distinct(tools: list[Value]) -> list[Value]:
    """Each name once; what has none is kept."""
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
    inner = tool.get("function")
    if inner is None:
        return tool.get("name")
    return inner.get("name") if isinstance(inner, dict) else None


def _is_named(tool: Value) -> bool:
    return bool(_name(tool))


def _has_type(tool: Value) -> bool:
    return _is_named(tool) or (isinstance(tool, dict) and isinstance(tool.get("type"), str))
