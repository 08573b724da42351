"""Whatever a request carries, each span becomes one row that can be stored."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import observe
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from langfuse_local.mapping import (
    content,
    costs,
    fields,
    generations,
    messages,
    metadata,
    observation_type,
    usage,
)
from langfuse_local.mapping.details import FACETS
from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.otlp import BadRequest, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from langfuse_local.mapping.observation import Observation

KEYS = sorted(
    {
        *fields.SESSION_KEYS,
        *fields.USER_KEYS,
        *fields.TAG_KEYS,
        *fields.NAME_KEYS,
        *fields.ENVIRONMENT_KEYS,
        *fields.PUBLIC_KEYS,
        fields.TRACE_NAME_KEY,
        fields.VERSION_KEY,
        fields.SERVICE_VERSION_KEY,
        fields.RELEASE_KEY,
        fields.ROOT_KEY,
        fields.LEVEL_KEY,
        fields.STATUS_MESSAGE_KEY,
        *(key for key, _ in observation_type.TYPE_RULES),
        *observation_type.TOOL_KEYS,
        *generations.MODEL_NAME_KEYS,
        *generations.PARAMETER_KEYS,
        *generations.PROMPT_NAME_KEYS,
        *generations.PROMPT_VERSION_KEYS,
        generations.COMPLETION_START_KEY,
        *(f"{prefix}a" for prefix in generations.PARAMETER_PREFIXES),
        usage.USAGE_KEY,
        *(f"gen_ai.usage.{name}" for name in usage.INPUT_COUNTERS + usage.CACHE_READ_COUNTERS),
        costs.COST_KEY,
        *costs.TOTAL_COST_KEYS,
        *content.CONTENT_KEYS,
        *(f"{prefix}.{path}" for prefix in content.CONTENT_PREFIXES for path in ("0.a", "b.1.c")),
        metadata.TRACE_PREFIX,
        metadata.OBSERVATION_PREFIX,
        f"{metadata.COMMON_PREFIX}.scope",
        "langfuse.trace.metadata.",
        "langfuse.trace.metadata.tools",
        "langfuse.trace.metadata.region",
        "langfuse.observation.metadata.region",
        "langfuse.metadata.region",
        "gen_ai.tool.definitions",
        "llm.tools.0.tool.json_schema",
        f"llm.tools.{'1' * 5000}.tool.json_schema",
        "langfuse.metadata",
    }
)
WORDS = sorted(
    {word for _, types in observation_type.TYPE_RULES for word in types}
    | set(fields.LEVELS)
    | {"2026-11-20T10:00:00Z", "0001-01-01", "9999-12-31T23:59:59+00:00", "gpt-4o-mini", "true"}
)
# Of the JSON that instrumentations put into one attribute.
MEMBERS = [
    *("input", "total", "a", "role", "name", "function", "type", "tools", "content"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details"),
]

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=3), inner)
    ),
    max_leaves=6,
)
texts = (
    st.text(max_size=8)
    | st.sampled_from(WORDS)
    | plain_json.map(json.dumps)  # NaN, lone surrogates and huge integers included
    | st.sampled_from(
        ['{"a":"\\ud800"}', '{"\\udfff":1}', "1" * 5000, "1" * 400, "[" * 2000, "\x00", "\\ud800"]
    )
)
any_values = st.recursive(
    st.builds(AnyValue)
    | st.builds(AnyValue, string_value=texts)
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: AnyValue(array_value={"values": v}))
        | st.lists(st.builds(KeyValue, key=texts, value=inner), max_size=3).map(
            lambda v: AnyValue(kvlist_value={"values": v})
        )
    ),
    max_leaves=4,
)
pairs = st.lists(
    st.builds(KeyValue, key=st.sampled_from(KEYS) | texts, value=any_values), max_size=8
)
times = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
events = st.lists(
    st.builds(
        Span.Event,
        name=st.sampled_from(
            [
                *messages.INPUT_EVENTS,
                messages.CHOICE_EVENT,
                messages.DETAILS_EVENT,
            ]
        ),
        attributes=pairs,
    ),
    max_size=2,
)
spans = st.builds(
    Span,
    trace_id=st.binary(max_size=20),
    span_id=st.binary(max_size=9),
    parent_span_id=st.binary(max_size=9),
    name=texts,
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=pairs,
    events=events,
    status=st.builds(Status, code=st.integers(0, 3), message=texts),
)
scope_names = st.sampled_from(["langfuse-sdk", "", "x"])


def _request(span: Span, resource: list[KeyValue], scope: str) -> ExportTraceServiceRequest:
    scope_spans = ScopeSpans(scope={"name": scope, "attributes": resource}, spans=[span])
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(resource=Resource(attributes=resource), scope_spans=[scope_spans])
        ]
    )


def _assert_storable(observation: Observation) -> None:
    """The types and bounds that the row's readers rely on, and text that UTF-8 can hold."""
    assert observation.type in {
        kind for _, types in observation_type.TYPE_RULES for kind in types.values()
    }
    assert observation.level in fields.LEVELS.values()
    assert re.fullmatch("[a-z0-9_-]{1,40}", observation.environment)
    assert 0 < observation.start_time < 2**63
    assert 0 < observation.end_time < 2**63
    assert 0 <= (observation.completion_start_time or 0) < 2**63
    assert all(isinstance(count, int) and count >= 0 for count in observation.usage.values())
    assert all(math.isfinite(cost) and abs(cost) < 1e6 for cost in observation.cost.values())
    assert all(isinstance(text, str) for text in observation.metadata.values())
    assert isinstance(json.loads(observation.model_parameters), dict)
    assert {type(tag) for tag in observation.tags} <= {str}
    *values, _, _ = observation
    values += [observation.input, observation.output, observation.metadata]
    json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    facets = {key: observation.own_metadata.get(key) for key in FACETS}
    assert observation.facets == {key: text for key, text in facets.items() if text is not None}


@settings(max_examples=400, deadline=None)
@given(spans, pairs, scope_names)
def test_every_span_becomes_a_row(span: Span, resource: list[KeyValue], scope: str) -> None:
    """Any mixture of keys, values, times, ids and events becomes exactly one storable row."""
    request = _request(span, resource, scope)
    (observation,) = observations(request)
    _assert_storable(observation)
    assert (observation.id, observation.trace_id) == (span.span_id.hex(), span.trace_id.hex())
    assert list(observations(decode(request.SerializeToString(), "application/x-protobuf")))


@pytest.mark.parametrize(
    ("depth", "shape"), [(47, lambda inner: [inner]), (31, lambda inner: {"k": inner})]
)
def test_deep_values(depth: int, shape: Callable[[Any], Any]) -> None:
    """The deepest values that protobuf can read, 100 messages, are stored under every key."""
    value: Any = "x"
    for _ in range(depth):
        value = shape(value)
    with pytest.raises(BadRequest):
        observe({"k": shape(value)})
    _assert_storable(observe(dict.fromkeys(KEYS, value)))
    for key in KEYS[::5]:
        _assert_storable(observe({key: value}))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("depth", [40, 100, 101, 480, 700, 5_000, 200_000])
def test_deep_json_inside_text(opening: str, depth: int) -> None:
    """JSON of any depth inside a string neither fails nor is lost from the attributes."""
    closing = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opening]
    value = f"{opening * depth}1{closing * depth}"
    for key in ("langfuse.trace.metadata", "langfuse.observation.input", "events", usage.USAGE_KEY):
        _assert_storable(observe({key: value, "gen_ai.system_instructions": value}))
    assert observe({"langfuse.observation.input": value}).input == value


def test_nul_and_odd_characters_are_kept() -> None:
    """NUL, private and astral characters reach the row as they were sent."""
    value = "a\x00b\ue000c\U0001f600\u2028"
    observation = observe({"session.id": value, "langfuse.trace.metadata.k": value}, name=value)
    assert (observation.session_id, observation.name, observation.metadata["k"]) == (value,) * 3


def test_lone_surrogates_are_replaced() -> None:
    """Half a character, which only JSON escapes can carry, is stored as U+FFFD."""
    observation = observe(
        {"langfuse.trace.metadata": r'{"a\ud800": "b\udc00", "ok": "\ud83d\ude00"}'}
    )
    assert observation.metadata["a\ufffd"] == "b\ufffd"
    assert observation.metadata["ok"] == "\U0001f600"
