"""Definitions of tools: out of the metadata, into the input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapped import observe

NAMED = {"type": "function", "function": {"name": "get_order"}}
FLAT = {"name": "cancel", "description": "d"}
OWN = "langfuse.observation"


def _mapped(attributes: dict[str, Any], **more: Any) -> tuple[Any, dict[str, str]]:
    observation = observe(attributes, **{"scope": "", **more})
    return json.loads(observation.input or "null"), observation.metadata


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.tool.definitions": json.dumps([NAMED, FLAT])},
        {
            "llm.tools.1.tool.json_schema": json.dumps(FLAT),
            "llm.tools.0.tool.json_schema": json.dumps(NAMED),
        },
        {f"{OWN}.metadata.tools": json.dumps([NAMED, FLAT])},
        {"langfuse.trace.metadata": json.dumps({"tools": [NAMED, FLAT]})},
    ],
)
def test_definitions_move_into_the_input(attributes: dict[str, Any]) -> None:
    """Wherever a convention puts them, tools end up beside the messages and nowhere else."""
    messages = [{"role": "user", "content": "hi"}]
    content, metadata = _mapped({"gen_ai.input.messages": json.dumps(messages), **attributes})
    assert content == {"messages": messages, "tools": [NAMED, FLAT]}
    assert metadata == {}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, {"tools": [FLAT]}),
        ("null", {"tools": [FLAT]}),
        ("Where is it?", {"prompt": "Where is it?", "tools": [FLAT]}),
        ('{"a": 1}', {"a": 1, "tools": [FLAT]}),
        (
            json.dumps({"tools": [NAMED, {"type": "web"}, 5]}),
            {"tools": [NAMED, {"type": "web"}, FLAT]},
        ),
        (json.dumps({"tools": [FLAT | {"x": 1}]}), {"tools": [FLAT | {"x": 1}]}),
        ('{"tools": []}', {"tools": [FLAT]}),
    ],
)
def test_an_input_of_any_shape_takes_them(value: str | None, stored: Any) -> None:
    """Text becomes a prompt, an object gets a member; of one name twice the input's own counts."""
    content = {} if value is None else {f"{OWN}.input": value}
    tools = {"gen_ai.tool.definitions": json.dumps([FLAT])}
    assert _mapped({**content, **tools})[0] == stored


@pytest.mark.parametrize("value", ["5", "true", '{"tools": "none"}', '{"tools": [{"a": 1}]}'])
def test_an_input_without_a_place_for_them_stays(value: str) -> None:
    """A number takes no tools, nor does an object whose tools are none: nothing moves then."""
    definitions = json.dumps([FLAT])
    content, metadata = _mapped({f"{OWN}.input": value, "gen_ai.tool.definitions": definitions})
    assert content == json.loads(value)
    assert metadata == {"attributes.gen_ai.tool.definitions": definitions}


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.tool.definitions": json.dumps([FLAT, {"type": "web_search"}])},
        {"gen_ai.tool.definitions": "[]"},
        {"gen_ai.tool.definitions": "get_order"},
        {"gen_ai.tool.definitions": [json.dumps(FLAT), "cancel"]},
        {"llm.tools.0.tool.json_schema": "{}"},
        {f"{OWN}.metadata.tools": '["search"]'},
    ],
)
def test_what_is_no_definition_stays(attributes: dict[str, Any]) -> None:
    """One entry without a name, and a list is no list of tools."""
    content, metadata = _mapped(attributes)
    assert content is None
    assert len(metadata) == 1
