"""Where input and output are found, and what is no longer shown as an attribute then."""

from __future__ import annotations

from typing import Any

import pytest
from mapped import observe

from langfuse_local.mapping.content import EARLY_PAIRS, LATE_PAIRS, Pair

MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages")


def _content(sent: dict[str, Any] | None = None, **more: Any) -> tuple[str | None, str | None]:
    observation = observe(sent, **more)
    return observation.input, observation.output


def test_rules_in_order() -> None:
    """Dropping the strongest source again and again uncovers the next, down to the weakest."""
    order = [
        ("langfuse.observation.input", "langfuse.observation.output"),
        *((pair.input[0], pair.output[0]) for pair in EARLY_PAIRS),
        *((pair.input[0], pair.output[0]) for pair in LATE_PAIRS),
        ("tool_arguments", "tool_response"),
        ("gen_ai.prompt", "gen_ai.completion"),
        ("llm.input_messages", "llm.output_messages"),
        MESSAGES,
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
    ]
    for position in range(len(order)):
        sent = {key: key for pair in reversed(order[position:]) for key in pair}
        assert _content(sent) == order[position]


@pytest.mark.parametrize("pair", [*EARLY_PAIRS, *LATE_PAIRS])
def test_one_half_is_enough(pair: Pair) -> None:
    """A source with an output alone is used, and its input stays empty."""
    for keys in (pair.input, pair.output):
        for key in keys:
            found = ("x", None) if keys is pair.input else (None, "x")
            assert _content({key: "x", MESSAGES[0]: "weaker"}) == found


@pytest.mark.parametrize(
    ("scope", "inputs", "outputs"),
    [
        (
            "ai",
            "ai.prompt.messages ai.prompt ai.toolCall.args",
            """ai.response.text ai.result.text ai.toolCall.result ai.response.object
            ai.result.object ai.response.toolCalls ai.result.toolCalls""",
        ),
        ("genkit-tracer", "genkit:input", "genkit:output"),
        (
            "@flue/opentelemetry",
            "flue.turn.input flue.tool.arguments flue.task.prompt flue.workflow.payload",
            """flue.turn.output flue.tool.result flue.task.result flue.operation.result
            flue.workflow.result""",
        ),
    ],
)
def test_known_scopes_have_keys_of_their_own(scope: str, inputs: str, outputs: str) -> None:
    """Keys of an instrumentation count only in its own scope, the first of them first."""
    for half, keys in enumerate((inputs.split(), outputs.split())):
        for position, key in enumerate(keys):
            sent = {later: later for later in reversed(keys[position:])}
            if position == 0:
                sent.pop("ai.response.toolCalls", None)  # would become part of the text's message
            assert _content({**sent, "input": "x", "output": "x"}, scope=scope)[half] == key
            assert _content(sent, scope="other") == (None, None)


def test_the_ai_sdks_answer_has_text_and_calls() -> None:
    """Both make one message, even of an empty text; a text alone that is empty gives way."""
    calls = '[{"toolName": "t"}]'
    stored = _content({"ai.response.text": "", "ai.response.toolCalls": calls}, scope="ai")[1]
    assert stored == (
        '{"role":"assistant","content":"","tool_calls":"[{\\"toolName\\": \\"t\\"}]"}'
    )
    sent = {"ai.response.text": "", "ai.response.object": "o"}
    assert _content(sent, scope="ai")[1] == "o"


def test_the_ai_sdk_is_completed_by_the_conventions_alone() -> None:
    """Each half that it lacks is the conventions' messages; no other key is asked in its scope."""
    messages = dict(zip(MESSAGES, ("in", "out"), strict=True))
    assert _content({"ai.prompt": "p", **messages}, scope="ai") == ("p", "out")
    assert _content({"ai.prompt": "", **messages}, scope="ai") == ("", "out")
    assert _content(messages, scope="ai") == ("in", "out")
    assert _content({"input.value": "x", "input": "y"}, scope="ai") == (None, None)


def test_genkits_messages_are_unwrapped() -> None:
    """A model's messages and message stand for the request and response around them."""
    sent = {
        "genkit:input": '{"messages": [{"role": "user"}], "config": {}}',
        "genkit:output": '{"message": {"role": "model"}, "usage": {}}',
    }
    assert _content(sent, scope="genkit-tracer") == ('[{"role":"user"}]', '{"role":"model"}')
    flow = {"genkit:input": '{"a": 1}', "genkit:output": "text"}
    assert _content(flow, scope="genkit-tracer") == ('{"a":1}', "text")
    assert _content({"input": "x"}, scope="genkit-tracer") == (None, None)


def test_flue_is_read_as_json() -> None:
    """Flue's texts are JSON where they can be; without any, the other rules look."""
    sent = {"flue.turn.input": '[ {"a": 1} ]', "flue.turn.output": "text"}
    assert _content(sent, scope="@flue/opentelemetry") == ('[{"a":1}]', "text")
    assert _content({"input": "x"}, scope="@flue/opentelemetry") == ("x", None)


def test_livekits_first_input_counts_even_if_empty() -> None:
    """An input that is there hides the ones after it; an empty output does not."""
    sent = {"lk.input_text": "", "lk.chat_ctx": "c", "lk.response.text": "r"}
    assert _content({**sent, "lk.function_tool.output": ""}) == ("", "r")
    assert _content({"lk.input_text": "", "lk.chat_ctx": "c", "input": "i"}) == ("i", None)


def test_a_known_scope_comes_before_events() -> None:
    """An instrumentation's own keys beat message events."""
    events = [("gen_ai.choice", {"message": "weaker"})]
    assert _content({"ai.response.text": "a"}, scope="ai", events=events) == (None, "a")


@pytest.mark.parametrize("key", ["tool_arguments", "tool_response"])
def test_tool_content_stays_an_attribute(key: str) -> None:
    """What Pydantic AI's tools were given and answered is content and an attribute."""
    observation = observe({key: "x"}, scope="")
    assert "x" in (observation.input, observation.output)
    assert observation.metadata == {f"attributes.{key}": "x"}


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
    sent = {"langfuse.observation.input": "won", "gen_ai.prompt.0.role": "user"}
    others = {"output.value": "x", MESSAGES[0]: "x", "llm.output_messages.0.x": "x", "events": "x"}
    assert observe({**sent, **others, "kept": "1"}, scope="").metadata == {"attributes.kept": "1"}


def test_system_instructions_come_first() -> None:
    """Instructions become a system message, unless there is one or the input is no list.

    They are text or a list; an object is written as JavaScript writes it.
    """
    given, system = MESSAGES[0], "gen_ai.system_instructions"
    message = '[{"role":"user","content":"q"}]'
    merged = '[{"role":"system","content":"a\\nb"},{"role":"user","content":"q"}]'
    assert _content({given: message, system: '[{"content": "a"}, "b"]'})[0] == merged
    plain = '[{"role":"system","content":"Be brief."},{"role":"user","content":"q"}]'
    assert _content({given: message, system: "Be brief."})[0] == plain
    odd = '[{"role":"system","content":"[object Object]"},{"role":"user","content":"q"}]'
    assert _content({given: message, system: '{"content": "a"}'})[0] == odd
    present = '[{"role": "system", "content": "x"}]'
    assert _content({given: present, system: "Be brief."})[0] == present
    assert _content({given: "text", system: "Be brief."})[0] == "text"
    assert _content({MESSAGES[1]: "answer", system: "Be brief."}) == (None, "answer")


def test_pydantic_ai() -> None:
    """In its own scope the whole conversation is the input, with its instructions."""
    sent = {
        "pydantic_ai.all_messages": "[]",
        "final_result": "r",
        "gen_ai.system_instructions": "s",
    }
    expected = ('[{"role":"system","content":"s"}]', "r")
    assert _content(sent, scope="pydantic-ai") == expected
    assert _content(sent) == (None, None)


def test_vertex_passes_over_empty_objects() -> None:
    """The agent development kit sends `{}` for the model call when it was a tool call."""
    prefix = "gcp.vertex.agent"
    sent = {f"{prefix}.llm_request": "{}", f"{prefix}.tool_call_args": "args"}
    assert _content(sent) == ("args", None)


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
    one, weaker = '{"index":0,"message":"a"}', {"input.value": "weaker"}
    assert _content(weaker, events=messages) == (stored, None)
    assert _content(weaker, events=[*messages, choice]) == (stored, one)
    assert _content(weaker, events=[choice, choice]) == (None, f"[{one},{one}]")


def test_other_events_hold_no_content() -> None:
    """An exception is no message: the span's attributes are searched."""
    events = [("exception", {"exception.message": "boom"})]
    assert _content({"input.value": "q"}, events=events) == ("q", None)
    assert _content(events=events) == (None, None)


def test_details_event() -> None:
    """The event with the operation's details beats message events, if it holds content."""
    details = "gen_ai.client.inference.operation.details"
    choice = ("gen_ai.choice", {"message": "weaker"})
    sent = (details, {MESSAGES[0]: "q", MESSAGES[1]: "a"})
    assert _content(events=[choice, sent]) == ("q", "a")
    assert _content(events=[choice, (details, {"x": "y"})]) == (None, '{"message":"weaker"}')


def test_legacy_content_events() -> None:
    """Their attributes are searched for content, and taken whole when they hold none."""
    prompt, completion = "gen_ai.content.prompt", "gen_ai.content.completion"
    assert _content(events=[(prompt, {"gen_ai.prompt": "q"}), (completion, {"x": 1})]) == (
        "q",
        '{"x":1}',
    )
    assert _content(events=[(prompt, {"x": 1})]) == ('{"x":1}', "{}")


def test_logfire_events() -> None:
    """One attribute with all events: the choice is the output, the others are the input."""
    events = '[{"event.name": "gen_ai.user.message", "c": 1}, {"event.name": "gen_ai.choice"}]'
    expected = ('[{"event.name":"gen_ai.user.message","c":1}]', '{"event.name":"gen_ai.choice"}')
    assert _content({"events": events}) == expected
    for nothing in ("[]", "{}", "x", 5):
        assert _content({"events": nothing, "input.value": "next"}) == ("next", None)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (
            {"0.role": "user", "0.content": "q", "1.role": "tool"},
            '[{"role":"user","content":"q"},{"role":"tool"}]',
        ),
        ({"1.role": "user"}, '[null,{"role":"user"}]'),
        ({"a.b": 1, "a.c": [2]}, '{"a":{"b":1,"c":[2]}}'),
        ({"0.tools.1.name": "t"}, '[{"tools":[null,{"name":"t"}]}]'),
        ({"0": "x"}, '{"0":"x"}'),
        ({"a": 1, "a.b": 2}, '{"a":1}'),
        ({"a.b": 2, "a": 1}, '{"a":{"b":2}}'),
        ({"a": [1], "a.0": 2}, '{"a":[1]}'),
        ({"0.role": "user", "x.y": 1}, '[{"role":"user"}]'),
        ({"a.__proto__.b": 1, "a..b": 1, "a.b": 2}, '{"a":{"b":2}}'),
        ({"10001.role": "x", f"{'9' * 5000}.role": "x", "0.role": "y"}, '[{"role":"y"}]'),
        ({".".join("a" * 65): 1, "b": 2}, '{"b":2}'),
        ({"01.role": "x"}, '{"01":{"role":"x"}}'),
    ],
)
@pytest.mark.parametrize("prefix", ["gen_ai.prompt", "llm.input_messages"])
def test_flattened_messages(prefix: str, sent: dict[str, Any], stored: str) -> None:
    """Names with dots become lists and objects again; what contradicts an earlier name is lost."""
    assert _content({f"{prefix}.{path}": value for path, value in sent.items()})[0] == stored


def test_flattened_lists_are_bounded() -> None:
    """Many long lists with one entry each do not become gigabytes of nulls."""
    sent = {f"gen_ai.prompt.l{n}.9999": "x" for n in range(500)}
    assert len(_content(sent)[0] or "") < 100_000
