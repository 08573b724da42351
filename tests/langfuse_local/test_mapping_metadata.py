"""What becomes metadata, under which name, and which value wins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapped import observe
from wire import JSON, request_of, span

from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import decode

TRACE, OBSERVATION = "langfuse.trace.metadata", "langfuse.observation.metadata"


def _own(attributes: dict[str, Any], **more: Any) -> dict[str, str]:
    """The metadata without the blocks that say where a span comes from."""
    stored = observe(attributes, **more).metadata
    return {key: value for key, value in stored.items() if not key.startswith(("scope.", "attrib"))}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("eu", "eu"),
        ("", ""),
        (7, "7"),
        (True, "true"),
        (0.5, "0.5"),
        (["a", 1, None], '["a",1,"{}"]'),
        ([], '{"arrayValue":{}}'),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ({"a": "b"}, '{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":"b"}}]}}'),
    ],
)
@pytest.mark.parametrize("prefix", [TRACE, OBSERVATION, "langfuse.metadata"])
def test_values_are_text(prefix: str, value: Any, stored: str) -> None:
    """Under every prefix a value is stored as text: JSON unless it was a string."""
    assert _own({f"{prefix}.a.b": value}) == {"a.b": stored}


def test_objects_are_flattened() -> None:
    """Objects become dotted names; arrays stay JSON; an empty object leaves nothing."""
    value = '{"a": {"b": {"c": 1}}, "list": [1, {"x": 2.0}], "none": null, "empty": {}, "t": "x"}'
    assert _own({TRACE: value}) == {"a.b.c": "1", "list": '[1,{"x":2}]', "none": "", "t": "x"}


def test_numbers_are_doubles() -> None:
    """Integers in JSON are rounded to doubles, and beyond those they are null."""
    value = f'{{"long": 12345678901234567890, "huge": 1{"0" * 400}, "absurd": 1{"0" * 5000}}}'
    assert _own({TRACE: value}) == {
        "long": "12345678901234567000",
        "huge": "null",
        "absurd": "null",
    }


@pytest.mark.parametrize(
    "value", ["{broken", '{"a": NaN}', "5", '"x"', "null", "", 5, True, "[" * 500]
)
def test_what_is_no_object_is_no_metadata(value: Any) -> None:
    """Anything else in the whole-metadata attribute is dropped."""
    assert _own({TRACE: value, OBSERVATION: value}) == {}


def test_arrays_become_numbered() -> None:
    """An array in the whole-metadata attribute is an object by index, as in JavaScript."""
    assert _own({TRACE: '["a", "b"]', OBSERVATION: ["c"]}) == {"0": "a", "1": "b"}


def test_the_common_object_fills_in() -> None:
    """`langfuse.metadata` stands in for whichever of the two objects is absent."""
    attributes = {"langfuse.metadata": '{"k": "common"}'}
    assert _own(attributes) == {"k": "common"}
    assert _own({**attributes, f"{OBSERVATION}.k": "own"}) == {"k": "common"}
    assert _own({**attributes, TRACE: '{"k": "trace"}'}) == {"k": "trace"}


def test_the_trace_overrides_the_observation() -> None:
    """Of one name the trace's value counts, and of the trace the single attribute's."""
    attributes = {
        OBSERVATION: '{"a": "1", "b": "1", "c": "1", "d": "1"}',
        f"{OBSERVATION}.b": "2",
        TRACE: '{"c": "3", "d": "3"}',
        f"{TRACE}.d": "4",
    }
    assert _own(attributes) == {"a": "1", "b": "2", "c": "3", "d": "4"}


@pytest.mark.parametrize("name", ["__proto__", "a.constructor.b", "prototype"])
def test_dangerous_names_are_dropped(name: str) -> None:
    """Names that are properties of every JavaScript object are not stored."""
    assert _own({f"{TRACE}.{name}": "x", f"{TRACE}.prototypes": "y"}) == {"prototypes": "y"}


def test_where_a_span_comes_from() -> None:
    """Remaining attributes, resource and scope have blocks of their own, all of them text."""
    observation = observe(
        {"http.status": 200, "http.route": "/", "list": ["a"]},
        resource={"service.name": "s", "process.pid": 7},
        scope="library",
        scope_attributes={"k": True},
    )
    assert observation.metadata == {
        "attributes.http.status": "200",
        "attributes.http.route": "/",
        "attributes.list": '["a"]',
        "resourceAttributes.service.name": "s",
        "resourceAttributes.process.pid": "7",
        "scope.name": "library",
        "scope.version": "",
        "scope.attributes.k": "true",
    }


@pytest.mark.parametrize("block", ["attributes", "resourceAttributes", "scope"])
def test_a_senders_own_block_replaces_the_built_in_one(block: str) -> None:
    """A key of that name takes the whole block's place."""
    attributes = {"http.route": "/", f"{TRACE}.{block}": "mine"}
    stored = observe(attributes, resource={"service.name": "s"}, scope_version="1").metadata
    assert stored[block] == "mine"
    assert not [key for key in stored if key.startswith(f"{block}.")]
    assert len(stored) == (3 if block == "scope" else 4)


def test_spans_that_replace_a_block_share_the_rest() -> None:
    """However many spans have a block of their own, what a resource holds is there once."""
    attributes = [{"key": f"{TRACE}.scope", "value": {"stringValue": "mine"}}]
    spans = [span(spanId=f"{number:016x}", attributes=attributes) for number in (1, 2)]
    first, second = observations(decode(request_of(*spans), JSON))
    assert first.details.origin is second.details.origin


def test_of_one_name_twice_the_first_counts() -> None:
    """Blocks come first, then objects with their members' names joined, then single keys."""
    mine = observe({f"{TRACE}.scope.name": "mine"}, scope="x", scope_version="1").metadata
    assert mine == {"scope.name": "x", "scope.version": "1"}
    assert observe({f"{TRACE}.scope.own": "mine"}, scope="").metadata == {"scope.own": "mine"}
    attributes = {f"{TRACE}.a.b": "single", TRACE: '{"a": {"b": "member"}}'}
    assert observe(attributes, scope="").metadata == {"a.b": "member"}


def test_names_do_not_grow_without_bound() -> None:
    """Below a name of more than 200 characters, members are not given names of their own."""
    long = "n" * 150
    stored = observe(
        {TRACE: json.dumps({long: {long: {"a": {"b": 1}, "c": 2}}})}, scope=""
    ).metadata
    assert stored == {f"{long}.{long}": '{"a":{"b":1},"c":2}'}


def test_resource_metadata_is_not_promoted() -> None:
    """Metadata of a trace on the resource stays an attribute of the resource."""
    stored = observe(resource={f"{TRACE}.k": "v"}, scope="").metadata
    assert stored == {f"resourceAttributes.{TRACE}.k": "v"}


def test_langfuses_own_sdk_is_not_repeated() -> None:
    """Spans of Langfuse's SDK keep no block of attributes."""
    stored = observe({"a": "b"}, scope="langfuse-sdk", scope_version="5").metadata
    assert stored == {"scope.name": "langfuse-sdk", "scope.version": "5"}
