"""The privacy guard in the real Collector: what arrives, for hostile and for harmless spans."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from collector_process import running
from guard_corpus import PLACES, SECRETS, Case, Span, cases, json_cases
from guarded_collector import Guard
from hypothesis import given, settings
from hypothesis import strategies as st

from support.otlp_sinks import Sink

CASES = list(cases())
JSON = list(json_cases())


@pytest.fixture(scope="module")
def arrived(guard: Guard) -> dict[str, Span]:
    """Send the whole corpus once; return what arrived, by case."""
    spans = guard.pass_through([case.sent for case in CASES])
    return {case.name: each for case, each in zip(CASES, spans, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_span_arrives_as_specified(case: Case, arrived: dict[str, Span]) -> None:
    """Masked where it must be, and untouched to the letter everywhere else."""
    assert arrived[case.name] == case.arrives


def test_json_in_a_value_stays_json(guard: Guard) -> None:
    """Masking inside JSON text, however escaped and nested, leaves text that parses."""
    spans = guard.pass_through([Span(attributes={"app.json": text}) for _, text, _ in JSON])
    found = {}
    for (name, _, _), each in zip(JSON, spans, strict=True):
        assert each.attributes is not None
        value = json.loads(str(each.attributes["app.json"]))
        if isinstance(value.get("body"), str):
            value["body"] = json.loads(value["body"])
        found[name] = value
    assert found == {name: expected for name, _, expected in JSON}


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Nd"], exclude_characters="@%=:-_"))
_NAMES = st.text("abcxyz019", min_size=1)
_TOKENS = st.text("abcXYZ0189_-", min_size=20, max_size=60)
_GENERATED_SECRETS = st.one_of(
    st.sampled_from(sorted(SECRETS.values())),
    st.builds("{}.{}+t@{}.example.org".format, _NAMES, _NAMES, _NAMES),
    st.builds("ORDER-{}".format, st.integers(0, 10**12)),
    st.builds("sk-{}x".format, _TOKENS),
    st.builds("Bearer {}x".format, _TOKENS),
)
_TEXT_PLACES = sorted(place for place in PLACES if not place.startswith("JSON"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(_TEXT_PLACES), _WORDS, _GENERATED_SECRETS, _WORDS), min_size=1
    )
)
def test_no_secret_gets_through_anywhere(
    guard: Guard, drawn: list[tuple[str, str, str, str]]
) -> None:
    """Whatever stands around a secret, in whatever place: it is masked and the rest is kept."""
    sent = [PLACES[place][0](f"{a} {secret} {b}") for place, a, secret, b in drawn]
    expected = [PLACES[place][1](f"{a} **** {b}") for place, a, _, b in drawn]
    for arrived, wanted in zip(guard.pass_through(sent), expected, strict=True):
        assert _parsed(arrived) == _parsed(_through_protobuf(wanted))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(PLACES)), _WORDS), min_size=1))
def test_harmless_text_is_not_touched(guard: Guard, drawn: list[tuple[str, str]]) -> None:
    """Text in any script, with control characters and quotes, arrives to the letter."""
    sent = [PLACES[place][0](text) for place, text in drawn]
    assert guard.pass_through(sent) == [_through_protobuf(each) for each in sent]


def _through_protobuf(span: Span) -> Span:
    return Span.of(span.request().resource_spans[0])


def _parsed(span: Span) -> Span:
    """Compare masked arrays and maps by content: JSON has more than one spelling of a text."""

    def parsed(values: object) -> dict[str, Any]:
        assert isinstance(values, dict)
        texts = {key: str(value) for key, value in values.items()}
        return {
            key: json.loads(text) if key in {"app.list", "app.map", "list"} else text
            for key, text in texts.items()
        }

    events = tuple((name, parsed(values)) for name, values in span.events)
    return replace(span, attributes=parsed(span.attributes), events=events)


@pytest.mark.parametrize("step", ["transform/guard_in", "transform/guard_out"])
def test_a_guard_that_fails_lets_nothing_pass(
    binary: Path, tmp_path: Path, sink: Sink, step: str
) -> None:
    """An error inside the guard refuses the request, so that the sender keeps the span."""
    failing = f"""
processors:
  {step}:
    trace_statements:
      - statements: ['set(span.name, ParseJSON("{{"))']
"""
    with running(binary, tmp_path, sink.endpoint, overlay=failing) as collector:
        status = collector.send(Span(attributes={"note": "ada@example.org"}).request())
        refused = collector.counts().refused
    assert status == 503
    assert refused == 1
    assert not sink.requests
