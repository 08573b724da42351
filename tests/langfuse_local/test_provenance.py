"""Provenance: what the trace page says of a field is what the mapper did, for every recorded case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mapped import observe
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from wire import JSON, ask, request_of, span

from langfuse_local.mapping import fields, generations
from langfuse_local.mapping.metadata import OBJECT_KEYS
from langfuse_local.mapping.provenance import provenance
from langfuse_local.mapping.rules import RULES
from langfuse_local.mapping.spans import Place, observation, observations
from langfuse_local.mapping.values import attributes
from langfuse_local.receiver.otlp import decode

if TYPE_CHECKING:
    from wire import Backend

    from langfuse_local.mapping.observation import Observation

CASES = json.loads(
    (Path(__file__).parent / "contract" / "observations.json").read_text(encoding="utf-8")
)
ORDERED = {
    "Session": fields.SESSION_KEYS,
    "User": fields.USER_KEYS,
    "Tags": fields.TAG_KEYS,
    "Name": fields.NAME_KEYS,
    "Model": generations.MODEL_NAME_KEYS,
}


def spans_of(case: dict[str, Any]) -> dict[str, Span]:
    """The spans of a case by their ids, as they were sent."""
    request = decode(json.dumps(case["otlp"]).encode(), JSON)
    return {
        each.span_id.hex(): each
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    }


def rows_of(case: dict[str, Any]) -> list[Observation]:
    """The observations of a case."""
    return [*observations(decode(json.dumps(case["otlp"]).encode(), JSON))]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_names_the_attribute_that_the_mapper_took(case: dict[str, Any]) -> None:
    """The winner of the mapper's own look-up, for every span of every recorded case."""
    spans = spans_of(case)
    for row in rows_of(case):
        values = attributes(spans[row.id].attributes)
        by_name = {field.name: field for field in provenance(row).fields}
        for name, keys in ORDERED.items():
            winner = fields.winner(values, keys)
            if winner and name in by_name and by_name[name].value:
                assert by_name[name].attributes[:1] == (winner,), (case["name"], name)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_field_has_its_source(case: dict[str, Any]) -> None:
    """Taking away the attributes that set a field changes the field, for every field that has any."""
    for row in rows_of(case):
        for field in provenance(row).fields:
            sent = Span.FromString(row.sent)
            kept = [pair for pair in sent.attributes if pair.key not in field.attributes]
            if len(kept) < len(sent.attributes):
                del sent.attributes[:]
                sent.attributes.extend(kept)
                other = observation(sent.SerializeToString(), Place(*row[:5]), row.origin)
                values = {each.name: each for each in provenance(other).fields}
                without = values.get(field.name)
                assert without is None or without != field, field


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_attribute_has_one_status(case: dict[str, Any]) -> None:
    """Each attribute as it was sent: what set a field is mapped, what is ignored says why."""
    spans = spans_of(case)
    for row in rows_of(case):
        origin = provenance(row)
        shown = [each for each in origin.attributes if each.source == "span"]
        assert [each.name for each in shown] == [each.key for each in spans[row.id].attributes]
        assert {each.status for each in origin.attributes} <= {"mapped", "metadata", "ignored"}
        assert all(each.reason for each in origin.attributes)
        taken = {name for field in origin.fields for name in field.attributes}
        assert {each.name for each in shown if each.status == "mapped"} <= taken
        for each in origin.attributes:
            if each.status == "metadata" and each.name not in OBJECT_KEYS:
                assert set(each.reason.split(", ")) <= row.metadata.keys(), each


def test_statuses_and_rules_of_one_span() -> None:
    """A field's winner is mapped, its loser ignored, and what nobody knows is metadata."""
    row = observe(
        {
            "langfuse.session.id": "talk",
            "session.id": "other",
            "gen_ai.operation.name": "chat",
            "http.status": 200,
            "langfuse.trace.metadata.environment": "development",
            "langfuse.observation.metadata.n": [1, 2.5],
            "langfuse.trace.input": "never",
            "langfuse.observation.input": "Where is it?",
            "input.value": "weaker",
            "gen_ai.request.model": "",
        },
        resource={"service.version": "1.2", "service.name": "agent"},
    )
    origin = provenance(row)
    rules = {field.name: (field.attributes, field.rule) for field in origin.fields}
    assert rules["Session"] == (("langfuse.session.id",), "1 of 5")
    assert rules["User"] == ((), "no attribute gives it")
    assert rules["Type"] == (("gen_ai.operation.name",), "3 of 10")
    assert rules["Name"] == ((), "the span's name")
    assert rules["Version"] == (("resource service.version",), "2 of 2 (resource)")
    assert rules["Input"] == (("langfuse.observation.input",), "1 of 12")
    shown = {
        each.name: (each.type, each.value, each.status, each.reason) for each in origin.attributes
    }
    assert shown == {
        "langfuse.session.id": ("string", "talk", "mapped", "Session"),
        "session.id": (
            "string",
            "other",
            "ignored",
            "langfuse.session.id comes first; kept as attributes.session.id",
        ),
        "gen_ai.operation.name": ("string", "chat", "mapped", "Type"),
        "http.status": ("int", "200", "metadata", "attributes.http.status"),
        "langfuse.trace.metadata.environment": (
            "string",
            "development",
            "metadata",
            "environment",
        ),
        "langfuse.observation.metadata.n": ("array", "[1,2.5]", "metadata", "n"),
        "langfuse.trace.input": (
            "string",
            "never",
            "ignored",
            "Langfuse 4 reads a trace's content from its root's langfuse.observation.*",
        ),
        "langfuse.observation.input": ("string", "Where is it?", "mapped", "Input"),
        "input.value": ("string", "weaker", "ignored", "langfuse.observation.input comes first"),
        "gen_ai.request.model": (
            "string",
            "",
            "ignored",
            "it is empty; kept as attributes.gen_ai.request.model",
        ),
        "service.version": ("string", "1.2", "mapped", "Version"),
        "service.name": ("string", "agent", "metadata", "resourceAttributes.service.name"),
    }


@pytest.mark.parametrize(
    ("attributes", "events", "names"),
    [
        ({"input.value": "x"}, (), ("input.value",)),
        ({"gen_ai.prompt.0.role": "user", "a": 1}, (), ("gen_ai.prompt.0.role",)),
        (
            {"llm.input_messages.0.message.role": "u", "llm.input_messages.0.message.content": "c"},
            (),
            ("llm.input_messages.0.message.role", "llm.input_messages.0.message.content"),
        ),
        (
            {"gen_ai.system_instructions": "be brief", "gen_ai.input.messages": "[]"},
            (),
            ("gen_ai.input.messages", "gen_ai.system_instructions"),
        ),
        ({"gen_ai.tool.call.arguments": "{}"}, (), ("gen_ai.tool.call.arguments",)),
        ({}, [("gen_ai.user.message", {"content": "x"})], ("event gen_ai.user.message",)),
        (
            {"input.value": "x", "gen_ai.tool.definitions": '[{"name": "f"}]'},
            (),
            ("input.value", "gen_ai.tool.definitions"),
        ),
    ],
)
def test_names_the_source_of_an_input(
    attributes: dict[str, Any], events: Any, names: tuple[str, ...]
) -> None:
    """Attributes, beginnings of names, events and tools: each source of an input is named."""
    fields = {each.name: each for each in provenance(observe(attributes, events=events)).fields}
    assert fields["Input"].attributes == names


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 3}, "repeats"),
        ({"langfuse.observation.prompt.name": "p"}, "only a GENERATION has a prompt"),
        ({"langfuse.observation.usage_details": "{broken"}, "no field can have its value"),
        ({"langfuse.trace.metadata.__proto__": "x"}, "its name is one JavaScript reserves"),
        ({"langfuse.trace.metadata.attributes": "mine", "other": "x"}, "has taken its place"),
    ],
)
def test_says_why_an_attribute_is_ignored(attributes: dict[str, Any], reason: str) -> None:
    """Each way of being ignored has its reason."""
    last = provenance(observe(attributes)).attributes[len(attributes) - 1]
    assert last.status == "ignored"
    assert reason in last.reason


def test_spans_of_langfuses_sdk_have_their_attributes() -> None:
    """What Langfuse does not repeat in the metadata is shown all the same, and said so."""
    origin = provenance(observe({"user.id": "ann", "a": "b"}, scope="langfuse-sdk"))
    assert [each.status for each in origin.attributes] == ["mapped", "ignored"]
    assert origin.attributes[1].reason.startswith("Langfuse's own SDK sent it")


def test_of_a_name_twice_the_last_counts() -> None:
    """Both are shown, the first as ignored."""
    pairs = [{"key": "session.id", "value": {"stringValue": value}} for value in ("a", "b")]
    (row,) = observations(decode(request_of(span(attributes=pairs)), JSON))
    first, last = provenance(row).attributes
    assert (first.value, first.status) == ("a", "ignored")
    assert (last.value, last.status) == ("b", "mapped")


def test_the_trace_page_shows_it(backend: Backend) -> None:
    """The attribute beside the field, the fate beside the attribute, the missing user outlined."""
    sent = {"langfuse.session.id": "talk", "langfuse.trace.metadata.environment": "development"}
    root = span(
        attributes=[{"key": key, "value": {"stringValue": text}} for key, text in sent.items()]
    )
    child = span(spanId="2" * 16, parentSpanId=root["spanId"])
    assert ask(backend.otlp, request_of(root, child), keys=None, Content_Type=JSON).status == 200
    home = f"{backend.web}/project/order-status-demo"
    page = ask(f"{home}/traces/{root['traceId']}").body.decode()
    assert "Where each field came from" in page
    assert '<span class="chip mapped">mapped</span>' in page
    assert "<code>langfuse.trace.metadata.environment</code>" in page
    assert '<tr class="lacking"><td>User</td>' in page
    assert ' class="SPAN lacking" ' in ask(f"{home}/sessions/talk").body.decode()


def test_the_mapping_page_lists_every_key_of_every_rule(backend: Backend) -> None:
    """Generated from the mapper's tables: nothing is left out, and /mapping leads there."""
    page = ask(f"{backend.web}/mapping").body.decode()
    for rule in RULES:
        assert f"<td>{rule.field}</td>" in page
        for key in rule.keys:
            assert f"<code>{key.name}{'*' if key.is_prefix else ''}</code>" in page
