"""Provenance: what the trace page says of a field is what the mapper did, for every recorded case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from wire import JSON, ask, request_of, span

from langfuse_local.mapping import fields, generations
from langfuse_local.mapping.provenance import provenance
from langfuse_local.mapping.rules import RULES
from langfuse_local.mapping.spans import observations
from langfuse_local.mapping.values import attributes
from langfuse_local.receiver.otlp import decode

if TYPE_CHECKING:
    from wire import Backend

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
# Metadata prefixes and content are not kept among the attributes.
NOT_KEPT = ("langfuse.observation.metadata.", "langfuse.trace.metadata.")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_names_the_attribute_that_the_mapper_took(case: dict[str, Any]) -> None:
    """The winner of the mapper's own look-up, for every span of every recorded case."""
    request = decode(json.dumps(case["otlp"]).encode(), JSON)
    spans = [
        each
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
        if not scope.scope.name.startswith("langfuse-sdk")
    ]
    rows = {row.id: row for row in observations(request)}
    for each in spans:
        values, row = attributes(each.attributes), rows[each.span_id.hex()]
        by_name = {field.name: field for field in provenance(row).fields}
        for name, keys in ORDERED.items():
            winner = fields.winner(values, keys)
            is_kept = winner and not winner.startswith(NOT_KEPT)
            if is_kept and name in by_name and by_name[name].value:
                assert by_name[name].attributes[:1] == (winner,), (case["name"], name)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_attribute_has_one_fate(case: dict[str, Any]) -> None:
    """Mapped, metadata or ignored; and what set a field is mapped."""
    for row in observations(decode(json.dumps(case["otlp"]).encode(), JSON)):
        origin = provenance(row)
        fates = {each.name: each.fate for each in origin.attributes}
        assert len(fates) == len(origin.attributes) == len(row.metadata)
        assert set(fates.values()) <= {"mapped", "metadata", "ignored"}
        taken = {name for field in origin.fields for name in field.attributes}
        assert taken == {name for name, fate in fates.items() if fate == "mapped"}


def test_fates_and_rules_of_one_span() -> None:
    """A field's winner is mapped, its loser ignored, and what nobody knows is metadata."""
    values = {
        "langfuse.session.id": "talk",
        "session.id": "other",
        "gen_ai.operation.name": "chat",
        "http.method": "GET",
        "langfuse.trace.metadata.region": "eu",
    }
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
    (row,) = observations(decode(request_of(span(attributes=pairs)), JSON))
    origin = provenance(row)
    rules = {field.name: (field.attributes, field.rule) for field in origin.fields}
    assert rules["Session"] == (("langfuse.session.id",), "1 of 5")
    assert rules["User"] == ((), "no attribute gives it")
    assert rules["Type"][0] == ("gen_ai.operation.name",)
    assert rules["Name"] == ((), "the span's name")
    assert {each.name: each.fate for each in origin.attributes} == {
        "langfuse.session.id": "mapped",
        "session.id": "ignored",
        "gen_ai.operation.name": "mapped",
        "http.method": "metadata",
        "langfuse.(trace or observation).metadata.region": "metadata",
    }


def test_the_trace_page_shows_it(backend: Backend) -> None:
    """The attribute beside the field, the fate beside the attribute, the missing user outlined."""
    root = span(attributes=[{"key": "langfuse.session.id", "value": {"stringValue": "talk"}}])
    child = span(spanId="2" * 16, parentSpanId=root["spanId"])
    assert ask(backend.otlp, request_of(root, child), keys=None, Content_Type=JSON).status == 200
    home = f"{backend.web}/project/order-status-demo"
    page = ask(f"{home}/traces/{root['traceId']}").body.decode()
    assert "Where each field came from" in page
    assert '<span class="chip mapped">mapped</span>' in page
    assert '<tr class="lacking"><td>User</td>' in page
    assert ' class="SPAN lacking" ' in ask(f"{home}/sessions/talk").body.decode()


def test_the_mapping_page_lists_every_key_of_every_rule(backend: Backend) -> None:
    """Generated from the mapper's tables: nothing is left out, and /mapping leads there."""
    page = ask(f"{backend.web}/mapping").body.decode()
    for rule in RULES:
        assert f"<td>{rule.field}</td>" in page
        for key in rule.keys:
            assert f"<code>{key.name}{'*' if key.is_prefix else ''}</code>" in page
