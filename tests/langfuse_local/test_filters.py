"""The JSON filter selects as Langfuse's does, for every type and operator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from wire import JSON, ask, request_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wire import Backend

_START = 1_795_168_800_000_000_000


def _attributes(**values: Any) -> list[dict[str, Any]]:
    fields = {str: "stringValue", int: "intValue"}
    return [
        {
            "key": name.replace("__", "."),
            "value": {"arrayValue": {"values": [{"stringValue": item} for item in value]}}
            if isinstance(value, list)
            else {fields[type(value)]: value},
        }
        for name, value in values.items()
    ]


# Two rows: `a` has everything, `b`, its child two seconds later, next to nothing.
_A = span(
    spanId="000000000000000a",
    name="a",
    startTimeUnixNano=str(_START),
    endTimeUnixNano=str(_START + 1_500_000_000),
    attributes=_attributes(
        langfuse__session__id="Talk-1",
        langfuse__trace__tags=["x", "y,z"],
        langfuse__trace__metadata__plan="pro",
        langfuse__trace__metadata__seats=7,
        langfuse__trace__metadata__long="n" * 300,
        gen_ai__usage__input_tokens=10,
        gen_ai__request__model="order-model",
        langfuse__observation__input="Where is my order?",
        gen_ai__operation__name="chat",
    ),
)
_B = span(
    spanId="000000000000000b",
    name="b",
    parentSpanId="000000000000000a",
    startTimeUnixNano=str(_START + 2_000_000_000),
    endTimeUnixNano=str(_START + 2_000_000_000),
)


@pytest.fixture(scope="module")
def backend(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Any], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """A backend with the two rows."""
    with running(tmp_path_factory.mktemp("filters")) as started:
        assert ask(started.otlp, request_of(_A, _B), content_type=JSON).status == 200
        yield started


@pytest.mark.parametrize(
    ("kind", "column", "operator", "value", "expected"),
    [
        ("string", "sessionId", "=", "Talk-1", "a"),
        ("string", "sessionId", "=", "", "b"),
        ("string", "sessionId", "contains", "alk", "a"),
        ("string", "sessionId", "contains", "ALK", ""),
        ("string", "sessionId", "contains", "", "ab"),
        ("string", "sessionId", "does not contain", "alk", "b"),
        ("string", "sessionId", "starts with", "Talk", "a"),
        ("string", "sessionId", "ends with", "-1", "a"),
        ("string", "sessionId", "ends with", "a longer text than any", ""),
        ("string", "id", "=", "000000000000000a", "a"),
        ("string", "id", "ends with", "b", "b"),
        ("string", "parentObservationId", "=", "", "a"),
        ("stringOptions", "name", "any of", ["a", "c"], "a"),
        ("stringOptions", "sessionId", "any of", [""], "b"),
        ("stringOptions", "sessionId", "none of", ["Talk-1"], "b"),
        ("stringOptions", "id", "none of", ["000000000000000a"], "b"),
        ("stringOptions", "id", "any of", ["000000000000000b", "no hex", ""], "b"),
        ("stringOptions", "parentObservationId", "any of", [""], "a"),
        ("stringOptions", "parentObservationId", "any of", ["000000000000000a", ""], "ab"),
        ("stringOptions", "parentObservationId", "none of", ["000000000000000a"], "a"),
        ("arrayOptions", "tags", "any of", ["x", "q"], "a"),
        ("arrayOptions", "tags", "all of", ["x", "q"], ""),
        ("arrayOptions", "tags", "all of", ["y,z", "x"], "a"),
        ("arrayOptions", "tags", "none of", ["x"], "b"),
        ("number", "latency", ">=", 1.5, "a"),
        ("number", "totalTokens", "=", 10, "a"),
        ("number", "totalCost", "<=", 0, ""),
        ("number", "totalCost", ">", 0, "a"),
        ("number", "tokensPerSecond", ">=", 0, "a"),
        ("string", "input", "=", "Where is my order?", "a"),
        ("string", "output", "=", "", "ab"),
        ("string", "traceEnvironment", "=", "default", "ab"),
        ("boolean", "hasParentObservation", "=", True, "b"),
        ("datetime", "startTime", ">", "2026-11-20T10:00:00Z", "b"),
        ("datetime", "startTime", "<=", "2026-11-20T11:00:00+01:00", "a"),
        ("datetime", "startTime", "<", "2026-11-21", "ab"),
        ("datetime", "startTime", "<", 1_795_168_801_000, "a"),
        ("boolean", "isRootObservation", "=", True, "a"),
        ("boolean", "isRootObservation", "<>", True, "b"),
        ("null", "sessionId", "is null", "", "b"),
        ("null", "parentObservationId", "is not null", "", "b"),
    ],
)
def test_selects(
    backend: Backend, *, kind: str, column: str, operator: str, value: Any, expected: str
) -> None:
    """Each operator selects the rows it names, upper and lower case apart."""
    condition = {"type": kind, "column": column, "operator": operator, "value": value}
    assert _names(backend, condition) == expected


@pytest.mark.parametrize(
    ("kind", "key", "operator", "value", "expected"),
    [
        ("stringObject", "plan", "=", "pro", "a"),
        ("stringObject", "plan", "starts with", "p", "a"),
        ("stringObject", "plan", "does not contain", "pro", ""),
        ("stringObject", "plan", "does not contain", "free", "a"),
        ("stringObject", "other", "=", "", ""),
        ("stringObject", "long", "ends with", "n" * 300, "a"),
        ("stringObject", "scope.name", "=", "nothing", ""),
        ("numberObject", "seats", ">", 6.5, "a"),
        ("numberObject", "plan", ">", -1, ""),
        ("numberObject", "other", "<", 1, ""),
    ],
)
def test_selects_by_metadata(
    backend: Backend, *, kind: str, key: str, operator: str, value: Any, expected: str
) -> None:
    """Metadata is compared whole, as it is stored; a row without the key never matches."""
    condition = {
        "type": kind,
        "column": "metadata",
        "key": key,
        "operator": operator,
        "value": value,
    }
    assert _names(backend, condition) == expected


def test_replaces_the_parameter_of_the_same_name(backend: Backend) -> None:
    """A filter on a field counts alone; parameters on other fields still count."""
    condition = {"type": "string", "column": "name", "operator": "=", "value": "b"}
    assert _names(backend, condition, "name=a") == "b"
    assert _names(backend, condition, "sessionId=Talk-1") == ""


def test_takes_as_many_filters_as_a_request_holds(backend: Backend) -> None:
    """However many conditions there are, all of them hold."""
    first = {"type": "null", "column": "id", "operator": "is not null", "value": ""}
    last = {"type": "string", "column": "name", "operator": "=", "value": "b"}
    filters = json.dumps([*[first] * 1099, last], separators=(",", ":"))
    rows = backend.rows(f"?filter={quote(filters, safe='[]{},:')}")
    assert [row["name"] for row in rows] == ["b"]


def test_cuts_metadata_unless_expanded(backend: Backend) -> None:
    """A list shows 200 characters of a metadata value; all of it with any key to be expanded.

    Asking for input and output leads to where the whole is, too.
    """
    lengths = {"metadata": 200, "metadata&expandMetadata=other": 300, "metadata,io": 300}
    for fields, length in lengths.items():
        (row,) = backend.rows(f"?name=a&fields={fields}")
        assert len(row["metadata"]["long"]) == length


def test_looks_into_texts_beside_a_whole_one(backend: Backend) -> None:
    """A part of an input or output is looked for only beside a filter on the whole of either."""
    part = {"type": "string", "column": "input", "operator": "contains", "value": "order"}
    whole = {"type": "string", "column": "output", "operator": "=", "value": ""}
    url = f"{backend.web}/api/public/v2/observations?filter="
    alone = ask(url + quote(json.dumps([part])))
    assert (alone.status, alone.json["error"]) == (400, "InvalidRequestError")
    (row,) = ask(url + quote(json.dumps([part, whole]))).json["data"]
    assert row["name"] == "a"


def test_finds_rows_without_a_parent(backend: Backend) -> None:
    """An empty `parentObservationId` asks for the rows that have none."""
    assert [row["name"] for row in backend.rows("?parentObservationId=")] == ["a"]


@pytest.mark.parametrize(
    "filters",
    [
        "nonsense",
        "{}",
        "[1]",
        '[{"type":"text","column":"name","operator":"=","value":"a"}]',
        '[{"type":"string","column":"name","operator":"any of","value":"a"}]',
        '[{"type":"string","column":"name","operator":"=","value":1}]',
        '[{"type":"string","column":"secret","operator":"=","value":"a"}]',
        '[{"type":"null","column":"name","operator":"is null"}]',
        '[{"type":"stringOptions","column":"name","operator":"any of","value":[]}]',
        '[{"type":"arrayOptions","column":"tags","operator":"any of","value":[]}]',
        '[{"type":"numberObject","column":"name","key":"k","operator":">","value":1}]',
        '[{"type":"numberObject","column":"metadata","key":"k","operator":">","value":"1"}]',
        '[{"type":"stringObject","column":"metadata","operator":"=","value":"a"}]',
        '[{"type":"number","column":"latency","operator":">","value":1e400}]',
        '[{"type":"datetime","column":"startTime","operator":">","value":"soon"}]',
    ],
)
def test_refuses_what_makes_no_sense(backend: Backend, filters: str) -> None:
    """A filter that cannot be read is a 400 in Langfuse's shape."""
    answer = ask(f"{backend.web}/api/public/v2/observations?filter={quote(filters)}")
    assert (answer.status, list(answer.json)) == (400, ["message", "error"])


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        (
            {"type": "string", "column": "secret", "operator": "=", "value": "a"},
            "Unknown column secret. The local backend knows endTime,",
        ),
        (
            {"type": "number", "column": "name", "operator": "=", "value": 1},
            "Invalid filter type 'number' for column 'name'. Expected string or stringOptions.",
        ),
        (
            {"type": "regex", "column": "name", "operator": "=", "value": "a"},
            "filter[0].type must be one of datetime, string,",
        ),
        (
            {"type": "string", "column": "name", "operator": "any of", "value": "a"},
            "filter[0].operator must be one of =, contains,",
        ),
    ],
)
def test_says_what_is_wrong_with_a_filter(
    backend: Backend, condition: dict[str, Any], problem: str
) -> None:
    """A refusal names the member of the filter, or the column, and what it takes."""
    answer = ask(
        f"{backend.web}/api/public/v2/observations?filter={quote(json.dumps([condition]))}"
    )
    assert (answer.status, answer.json["error"]) == (400, "InvalidRequestError")
    assert answer.json["message"].startswith(problem)


def _names(backend: Backend, condition: dict[str, Any], more: str = "") -> str:
    rows = backend.rows(f"?filter={quote(json.dumps([condition]))}&{more}")
    return "".join(sorted(row["name"] for row in rows))
