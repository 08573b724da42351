"""The rules that say where an observation's own fields come from."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from mapped import observe

# Written out once more, for the tables of the mapping are what is tested.
OWN, TRACE = "langfuse.observation", "langfuse.trace"
ORDER = {
    "session_id": f"""
        langfuse.session.id session.id gen_ai.conversation.id
        {OWN}.metadata.langfuse_session_id {TRACE}.metadata.langfuse_session_id""",
    "user_id": f"""
        langfuse.user.id user.id
        {OWN}.metadata.langfuse_user_id {TRACE}.metadata.langfuse_user_id""",
    "tags": f"""
        {TRACE}.tags langfuse.tags
        {OWN}.metadata.langfuse_tags {TRACE}.metadata.langfuse_tags
        tag.tags""",
    "name": "gen_ai.tool.name",
    "model": f"""
        {OWN}.model.name gen_ai.response.model gen_ai.request.model
        llm.response.model llm.model_name model""",
}
TYPES = {
    "langfuse.observation.type": """
        span SPAN generation GENERATION event EVENT embedding EMBEDDING agent AGENT tool TOOL
        chain CHAIN retriever RETRIEVER guardrail GUARDRAIL evaluator EVALUATOR""",
    "openinference.span.kind": """
        CHAIN CHAIN RETRIEVER RETRIEVER LLM GENERATION EMBEDDING EMBEDDING AGENT AGENT TOOL TOOL
        GUARDRAIL GUARDRAIL EVALUATOR EVALUATOR""",
    "gen_ai.operation.name": """
        chat GENERATION completion GENERATION text_completion GENERATION
        generate_content GENERATION generate GENERATION embeddings EMBEDDING
        invoke_agent AGENT create_agent AGENT execute_tool TOOL""",
}
LEVELS = """
    debug DEBUG trace DEBUG verbose DEBUG default DEFAULT info DEFAULT log DEFAULT notice DEFAULT
    ok DEFAULT success DEFAULT warning WARNING warn WARNING error ERROR fatal ERROR critical ERROR"""


def _pairs(words: str) -> list[tuple[str, str]]:
    return list(zip(words.split()[::2], words.split()[1::2], strict=True))


@pytest.mark.parametrize("field", ORDER)
@pytest.mark.parametrize("blank", ["", 0, 0.0, False])
def test_each_key_yields_to_the_ones_before_it(field: str, blank: Any) -> None:
    """Of the keys that hold something the first wins, wherever it stands; blank ones do not."""
    keys = ORDER[field].split()
    for position, key in enumerate(keys):
        attributes = {later: f"v{later}" for later in reversed(keys[position:])}
        earlier = dict.fromkeys(keys[:position], blank)
        stored = getattr(observe(attributes | earlier), field)
        assert stored == ((f"v{key}",) if field == "tags" else f"v{key}")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (42, "42"),
        (True, "true"),
        (0.5, "0.5"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (-3e-9, "-3e-9"),
        (1e-7, "1e-7"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (0.000015, "0.000015"),
        (2**63 - 1, "9223372036854776000"),
        (["a", 1], '["a",1]'),
        ("s" * 500, "s" * 500),
        ("sé", "sé"),
        ({"a": 1}, '{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}'),
        (b"\x01\x02", '{"bytesValue":"AQI="}'),
        (None, "{}"),
    ],
)
def test_ids_are_any_value_as_json(value: Any, stored: str) -> None:
    """An id that is no string is stored as JSON, spelled the way JavaScript spells it."""
    observation = observe({"langfuse.session.id": value, "user.id": value})
    assert (observation.session_id, observation.user_id) == (stored, stored)


def test_foreign_user_keys_are_not_read() -> None:
    """OpenTelemetry's `enduser.id` is not a Langfuse user."""
    assert observe({"enduser.id": "u"}).user_id == ""


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a,", ("a", "")),
        ("['a', 'b,c']", ("['a'", "'b", "c']")),
        ([1, True, "x"], ("1", "true", "x")),
        ('["1", true, null, [1, null], {"a": 1}]', ("1", "true", "null", "1,", "[object Object]")),
        (' ["a"]', ("a",)),
        ("[broken", ("[broken",)),
        ("  solo ", ("  solo ",)),
        ('["a","a"]', ("a", "a")),
        ([], ('{"arrayValue":{}}',)),
        ({"a": 1}, ('{"kvlistValue":{"values":[{"key":"a"', '"value":{"intValue":"1"}}]}}')),
        (0.5, ()),
        (True, ()),
        (0, ()),
    ],
)
def test_tags(value: Any, stored: tuple[str, ...]) -> None:
    """Arrays, JSON arrays and commas make tags; an empty array in protobuf makes a bogus one."""
    assert observe({"langfuse.trace.tags": value}).tags == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("Prod", "prod"),
        ("langfuse-prod", "prod"),
        ("langfuse_langfuse-qa", "qa"),
        ("langfuse", "default"),
        ("e" * 50, "e" * 40),
        ("langfuse-" + "e" * 50, "e" * 40),
        ("prod EU", "default"),
        ("prod.eu", "default"),
        ("prodé", "default"),
        (5, "default"),
        (["prod"], "default"),
        ("eu-1_b", "eu-1_b"),
    ],
)
def test_environment_is_normalised(value: Any, stored: str) -> None:
    """What cannot be an environment becomes `default` without a word, as in Langfuse."""
    assert observe({"langfuse.environment": value}).environment == stored


def test_environment_looks_on_span_and_resource_key_by_key() -> None:
    """A stronger key on the resource beats a weaker one on the span; empty ones are passed over."""
    keys = ("langfuse.environment", "deployment.environment.name", "deployment.environment")
    for stronger, weaker in itertools.pairwise(keys):
        assert observe({weaker: "weak"}, resource={stronger: "strong"}).environment == "strong"
    assert observe({keys[0]: "span"}, resource={keys[0]: "resource"}).environment == "span"
    assert observe({keys[0]: ""}, resource={keys[0]: "resource"}).environment == "resource"
    assert observe(resource={keys[2]: "oldest"}).environment == "oldest"


def test_version_and_release_fall_back_to_the_resource() -> None:
    """Here an empty text on the span counts; `langfuse.version` on the resource does not."""
    resource = {"service.version": "s", "langfuse.version": "x", "langfuse.release": "r"}
    absent = observe(resource=resource)
    assert (absent.version, absent.release) == ("s", "r")
    empty = observe({"langfuse.version": "", "langfuse.release": ""}, resource=resource)
    assert (empty.version, empty.release) == ("", "")
    assert observe({"langfuse.version": 2}).version == "2"


@pytest.mark.parametrize(
    ("value", "stored"), [(True, True), ("true", True), ("True", False), (1, False)]
)
def test_flags_are_true_only_by_their_spelling(*, value: Any, stored: bool) -> None:
    """`true` and "true" publish a trace or mark an entry; nothing else does."""
    assert observe({"langfuse.trace.public": value}).public is stored
    assert observe({"langfuse.public": value}).public is stored
    assert observe({"langfuse.internal.is_app_root": value}).is_app_root is stored
    assert observe({"langfuse.trace.public": False, "langfuse.public": value}).public is False


def test_trace_name_is_shown_or_the_roots_own() -> None:
    """A root without a trace name lends its own; a child shows none."""
    assert observe({"langfuse.trace.name": "t"}, parent_span_id=b"\x01" * 8).shown_trace_name == "t"
    assert observe({"langfuse.trace.name": ""}).shown_trace_name == "work"
    child = observe(parent_span_id=b"\x01" * 8)
    assert (child.shown_trace_name, child.is_root) == (None, False)
    entry = observe({"langfuse.internal.is_app_root": True}, parent_span_id=b"\x01" * 8)
    assert (entry.shown_trace_name, entry.is_root) == ("work", True)


def test_the_last_of_the_tags_keys_counts_even_if_empty() -> None:
    """Nothing is left to give way to: an empty text there is a tag of that text."""
    assert observe({"langfuse.trace.tags": "", "tag.tags": ""}).tags == ("",)
    assert observe({"tag.tags": 0}).tags == ()


@pytest.mark.parametrize(("value", "stored"), _pairs(LEVELS))
def test_levels_in_other_words(value: str, stored: str) -> None:
    """Severities of other systems are understood, in any case and with spaces around them."""
    assert observe({"langfuse.observation.level": value}).level == stored
    assert observe({"langfuse.observation.level": f" {value.title()} "}).level == stored


@pytest.mark.parametrize("value", ["loud", "", 5])
def test_unknown_levels_leave_it_to_the_status(value: Any) -> None:
    """A level that says nothing does not hide an error."""
    assert observe({"langfuse.observation.level": value}).level == "DEFAULT"
    assert observe({"langfuse.observation.level": value}, status={"code": 2}).level == "ERROR"


def test_status_message_of_the_attribute_comes_first() -> None:
    """Even an empty one replaces the span's own message."""
    key, status = "langfuse.observation.status_message", {"code": 2, "message": "m"}
    assert observe({key: ""}, status=status).status_message == ""
    assert observe({key: 7}, status=status).status_message == "7"
    assert observe(status=status).status_message == "m"


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [(key, *pair) for key, words in TYPES.items() for pair in _pairs(words)],
)
def test_types_that_are_named(key: str, value: str, stored: str) -> None:
    """Each word of each vocabulary has its type, also next to a model or a tool: they are weaker."""
    assert observe({key: value, "gen_ai.request.model": "m"}).type == stored
    assert observe({key: value, "gen_ai.tool.call.id": "c"}).type == stored


def test_type_rules_in_order() -> None:
    """An unknown word falls through to the next vocabulary, then to tools, then to models."""
    vocabularies = {
        "langfuse.observation.type": "llm",
        "openinference.span.kind": "llm",
        "gen_ai.operation.name": "invoke_workflow",
    }
    assert observe({**vocabularies, "openinference.span.kind": "CHAIN"}).type == "CHAIN"
    assert observe({**vocabularies, "gen_ai.operation.name": "chat"}).type == "GENERATION"
    assert observe({**vocabularies, "gen_ai.tool.call.id": "c", "model": "m"}).type == "TOOL"
    assert observe(vocabularies).type == "SPAN"
    assert observe({**vocabularies, "traceloop.span.kind": "workflow"}).type == "SPAN"
    assert observe({"langfuse.observation.type": 5}).type == "SPAN"
    assert observe({"langfuse.observation.type": ["tool"]}).type == "TOOL"


@pytest.mark.parametrize(
    "key",
    [
        f"{OWN}.model.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "llm.model_name",
        "model",
    ],
)
def test_a_model_makes_a_generation(key: str) -> None:
    """Every key that names a model does, unless it is empty; even zero is a name."""
    assert observe({key: "m"}).type == "GENERATION"
    assert observe({key: 0}).type == "GENERATION"
    assert observe({key: ""}).type == "SPAN"


def test_times_are_filled_and_bounded() -> None:
    """A missing time is the other one, and no time is too late for a database."""
    assert observe(start_time_unix_nano=0, end_time_unix_nano=7).start_time == 7
    assert observe(start_time_unix_nano=7, end_time_unix_nano=0).end_time == 7
    neither = observe(start_time_unix_nano=0)
    assert neither.start_time == neither.end_time > 1_700_000_000_000_000_000
    backwards = observe(start_time_unix_nano=9, end_time_unix_nano=7)
    assert (backwards.start_time, backwards.end_time) == (9, 7)
    assert observe(end_time_unix_nano=2**64 - 1).end_time == 2**63 - 1


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2026-11-20T10:00:00.005Z", 1_795_168_800_005_000_000),
        ("2026-11-20T11:00:00.005+01:00", 1_795_168_800_005_000_000),
        ('"2026-11-20T10:00:00.005Z"', 1_795_168_800_005_000_000),
        ("2026-11-20T10:00:00.005", 1_795_168_800_005_000_000),
        ("1970-01-01", 0),
        ("1969-12-31", None),
        ("9999-12-31", None),
        ("soon", None),
        ('"soon', None),
        ("", None),
        (1_795_168_800_005, 1_795_168_800_005_000_000),
        (5.9, 5_000_000),
        (0, None),
        (True, None),
        (-5, None),
        (1e300, None),
    ],
)
def test_completion_start(value: Any, stored: int | None) -> None:
    """ISO times are read, also in quotes of their own, and milliseconds; all else is no time."""
    key = "langfuse.observation.completion_start_time"
    assert observe({key: value}).completion_start_time == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (3, 3),
        ("3", 3),
        (" 3 ", 3),
        (3.0, 3),
        (65_535, 65_535),
        (65_536, None),
        (-1, None),
        ("v1", None),
        (3.5, None),
        (True, None),
    ],
)
def test_prompt_version_is_a_small_whole_number(value: Any, stored: int | None) -> None:
    """Text of digits counts; what does not fit sixteen bits is dropped."""
    generation = {"langfuse.observation.type": "generation"}
    attributes = {**generation, "langfuse.observation.prompt.version": value}
    assert observe(attributes).prompt_version == stored


def test_prompts_belong_to_generations() -> None:
    """Only a GENERATION keeps the prompt it names."""
    prompt = {"langfuse.observation.prompt.name": "p", "langfuse.observation.prompt.version": 1}
    kept = observe({**prompt, "langfuse.observation.type": "generation"})
    assert (kept.prompt_name, kept.prompt_version) == ("p", 1)
    dropped = observe({**prompt, "langfuse.observation.type": "agent"})
    assert (dropped.prompt_name, dropped.prompt_version) == ("", None)


def test_model_parameters_in_order() -> None:
    """The first object wins; values are strings and numbers; single attributes come last."""
    single = {
        "gen_ai.request.model": "m",
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.stop": ["a"],
    }
    assert observe(single).model_parameters == '{"top_p":0.5,"stop":"[\\"a\\"]"}'
    stronger = {**single, "llm.invocation_parameters": '{"a": 1, "b": true, "c": null}'}
    whole = '{"a":1,"b":"true","c":"null"}'
    assert observe(stronger).model_parameters == whole
    broken = {**stronger, "langfuse.observation.model.parameters": "{a}"}
    assert observe(broken).model_parameters == whole
    strongest = {**stronger, "langfuse.observation.model.parameters": '{"a": "x"}'}
    assert observe(strongest).model_parameters == '{"a":"x"}'
    empty = {**stronger, "langfuse.observation.model.parameters": "{}"}
    assert observe(empty).model_parameters == "{}"
    assert observe().model_parameters == "{}"


def test_single_model_parameters() -> None:
    """The conventions' attributes, with OpenInference's over them; a model is no parameter."""
    attributes = {
        "llm.invocation_parameters.top_p": 0.9,
        "llm.invocation_parameters.model": "m",
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.seed": 1,
    }
    assert observe(attributes).model_parameters == '{"top_p":0.9,"seed":1}'
