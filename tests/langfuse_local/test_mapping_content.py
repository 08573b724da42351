"""Where input and output are found, and what is no longer shown as an attribute then."""

from __future__ import annotations

from typing import Any

import pytest
from mapped import observe

MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages")


def _content(
    attributes: dict[str, Any] | None = None, **more: Any
) -> tuple[str | None, str | None]:
    observation = observe(attributes, **more)
    return observation.input, observation.output


def test_rules_in_order() -> None:
    """Dropping the strongest source again and again uncovers the next, down to the weakest."""
    order = [
        ("langfuse.observation.input", "langfuse.observation.output"),
        ("input.value", "output.value"),
        ("gen_ai.prompt", "gen_ai.completion"),
        ("llm.input_messages", "llm.output_messages"),
        MESSAGES,
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
    ]
    for position in range(len(order)):
        attributes = {key: key for pair in reversed(order[position:]) for key in pair}
        assert _content(attributes) == order[position]


def test_one_half_is_enough() -> None:
    """A source with an output alone is used, and its input stays empty."""
    assert _content({"input.value": "x", MESSAGES[0]: "weaker"}) == ("x", None)
    assert _content({"output.value": "x", MESSAGES[0]: "weaker"}) == (None, "x")


def test_values_are_stored_as_text() -> None:
    """A string is stored as it is, anything else as JSON; an empty one counts here."""
    key = "langfuse.observation.input"
    assert _content({key: ["a", 1]})[0] == '["a",1]'
    assert _content({key: 0})[0] == "0"
    assert _content({key: "", "input.value": "weaker"}) == ("", None)


def test_the_traces_own_keys_are_ignored() -> None:
    """`langfuse.trace.input` is neither input nor shown as an attribute."""
    observation = observe({"langfuse.trace.input": "x", "langfuse.trace.output": "y"}, scope="")
    assert (observation.input, observation.output, observation.metadata) == (None, None, {})


def test_content_is_not_shown_twice() -> None:
    """What a rule could take is no attribute, even when a stronger rule won."""
    attributes = {"langfuse.observation.input": "won", "gen_ai.prompt.0.role": "user"}
    others = {"output.value": "x", MESSAGES[0]: "x", "llm.output_messages.0.x": "x"}
    assert observe({**attributes, **others, "kept": "1"}, scope="").metadata == {
        "attributes.kept": "1"
    }


def test_system_instructions_come_first() -> None:
    """Instructions become a system message, unless there is one or the input is no list.

    They are text or a list; an object is written as JavaScript writes it.
    """
    messages_key, system = MESSAGES[0], "gen_ai.system_instructions"
    message = '[{"role":"user","content":"q"}]'
    merged = '[{"role":"system","content":"a\\nb"},{"role":"user","content":"q"}]'
    assert _content({messages_key: message, system: '[{"content": "a"}, "b"]'})[0] == merged
    plain = '[{"role":"system","content":"Be brief."},{"role":"user","content":"q"}]'
    assert _content({messages_key: message, system: "Be brief."})[0] == plain
    odd = '[{"role":"system","content":"[object Object]"},{"role":"user","content":"q"}]'
    assert _content({messages_key: message, system: '{"content": "a"}'})[0] == odd
    present = '[{"role": "system", "content": "x"}]'
    assert _content({messages_key: present, system: "Be brief."})[0] == present
    assert _content({messages_key: "text", system: "Be brief."})[0] == "text"
    assert _content({MESSAGES[1]: "answer", system: "Be brief."}) == (None, "answer")


def test_message_events() -> None:
    """Each message is an event; a single choice stands without a list."""
    messages = [
        ("gen_ai.system.message", {"content": "s"}),
        ("gen_ai.user.message", {"content": "q", "role": "customer"}),
        ("gen_ai.user.message", {"content": "r"}),
        ("other", {"content": "x"}),
    ]
    choice = ("gen_ai.choice", {"index": 0, "message": "a"})
    stored = '[{"role":"system","content":"s"},{"role":"customer","content":"q"},{"role":"user","content":"r"}]'
    single, weaker = '{"index":0,"message":"a"}', {"input.value": "weaker"}
    assert _content(weaker, events=messages) == (stored, None)
    assert _content(weaker, events=[*messages, choice]) == (stored, single)
    assert _content(weaker, events=[choice, choice]) == (None, f"[{single},{single}]")


def test_other_events_hold_no_content() -> None:
    """An exception is no message: the span's attributes are searched."""
    events = [("exception", {"exception.message": "boom"})]
    assert _content({"input.value": "q"}, events=events) == ("q", None)
    assert _content(events=events) == (None, None)


def test_details_event() -> None:
    """The event with the operation's details beats message events, if it holds content."""
    details = "gen_ai.client.inference.operation.details"
    choice = ("gen_ai.choice", {"message": "weaker"})
    event = (details, {MESSAGES[0]: "q", MESSAGES[1]: "a"})
    assert _content(events=[choice, event]) == ("q", "a")
    assert _content(events=[choice, (details, {"x": "y"})]) == (None, '{"message":"weaker"}')


@pytest.mark.parametrize(
    ("attributes", "stored"),
    [
        (
            {"0.role": "user", "0.content": "q", "1.role": "tool"},
            '[{"role":"user","content":"q"},{"role":"tool"}]',
        ),
        ({"1.role": "user"}, '[null,{"role":"user"}]'),
        ({"a.b": 1, "a.c": [2]}, '{"a":{"b":1,"c":[2]}}'),
        ({"0.tools.1.name": "t"}, '[{"tools":[null,{"name":"t"}]}]'),
        ({"0": "x"}, '["x"]'),
        ({"a": 1, "a.b": 2}, '{"a":1}'),
        ({"a.b": 2, "a": 1}, '{"a":{"b":2}}'),
        ({"a": [1], "a.0": 2}, '{"a":[1]}'),
        ({"0.role": "user", "x.y": 1}, '{"0":{"role":"user"},"x":{"y":1}}'),
        ({"0.role": "user", "100.role": "x"}, '{"0":{"role":"user"},"100":{"role":"x"}}'),
        ({"9" * 5000: "x", "0": "y"}, f'{{"{"9" * 5000}":"x","0":"y"}}'),
        ({".".join("a" * 65): 1, "b": 2}, '{"b":2}'),
        ({"01.role": "x"}, '{"01":{"role":"x"}}'),
    ],
)
@pytest.mark.parametrize("prefix", ["gen_ai.prompt", "llm.input_messages"])
def test_flattened_messages(prefix: str, attributes: dict[str, Any], stored: str) -> None:
    """Names with dots become objects again, and lists where they count without large gaps."""
    assert _content({f"{prefix}.{path}": value for path, value in attributes.items()})[0] == stored


def test_flattened_lists_are_bounded() -> None:
    """Many long lists with one entry each do not become gigabytes of nulls."""
    attributes = {f"gen_ai.prompt.l{n}.9999": "x" for n in range(500)}
    assert len(_content(attributes)[0] or "") < 100_000
