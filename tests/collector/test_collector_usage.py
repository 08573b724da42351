"""Usage that would take other spans along inside Langfuse does not get there, and is counted."""

from pathlib import Path

import pytest
from collector_process import QUICKLY, running, wait_until
from otlp import Value, plain, request, span

from support.otlp_sinks import Sink

DETAILS = "langfuse.observation.usage_details"
POISON: dict[str, dict[str, Value]] = {
    "a double beyond 64 bits": {"gen_ai.usage.input_tokens": 1e21},
    "a double of 19 digits": {"gen_ai.usage.input_tokens": 9.3e18},
    "infinity": {"gen_ai.usage.input_tokens": float("inf")},
    "not a number": {"gen_ai.usage.output_tokens": float("nan")},
    "text of 20 digits": {"gen_ai.usage.input_tokens": "18446744073709551616"},
    "text with an exponent": {"gen_ai.usage.input_tokens": "1e21"},
    "words": {"llm.token_count.prompt": "many"},
    "true": {"gen_ai.usage.input_tokens": True},
    "an array": {"ai.usage.tokens": ["1", "2"]},
    "a good count beside a bad one": {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 1e30,
    },
    "usage details beyond 64 bits": {DETAILS: '{"input": 1e30}'},
    "usage details of 20 digits": {DETAILS: '{"input": 5, "output": 18446744073709551616}'},
    "usage details with digits glued": {DETAILS: '{"input": 999999999999999999999999}'},
    "usage details with words": {DETAILS: '{"input": "many"}'},
    "usage details with text of 20 digits": {DETAILS: '{"input": "18446744073709551616"}'},
    "nested usage details": {DETAILS: '{"input": 1, "details": {"cached": 1e40}}'},
    "usage details that are no JSON": {DETAILS: "lots"},
}
GOOD: dict[str, dict[str, Value]] = {
    "counts": {"gen_ai.usage.input_tokens": 137, "gen_ai.usage.output_tokens": 0},
    "the largest": {"gen_ai.usage.input_tokens": 10**18 - 1},
    "counts as text": {"llm.token_count.prompt": "12", "llm.token_count.total": "12"},
    "a cost": {"gen_ai.usage.cost": 0.0000000071, "gen_ai.usage.input_tokens": 1},
    "a whole double": {"gen_ai.usage.input_tokens": 12.0},
    "usage details": {DETAILS: '{"input": 3, "output": 4, "total": 7}'},
    "nested details": {DETAILS: '{"prompt_tokens": 3, "prompt_tokens_details": {"cached": null}}'},
    "no usage": {"note": "1e21", "langfuse.observation.cost_details": '{"total": 1e-7}'},
}


@pytest.mark.parametrize("attributes", POISON.values(), ids=POISON)
def test_poison_is_left_out(
    binary: Path, tmp_path: Path, sink: Sink, attributes: dict[str, Value]
) -> None:
    """The span's usage goes as a whole; the span and the rest of it arrive, and say so."""
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        assert collector.send(request([span("chat", {"note": "kept", **attributes})])) == 200
        (arrived,) = sink.wait_for_spans(1).values()
        assert plain(arrived.attributes) == {"note": "kept", "collector.usage_dropped": True}
        wait_until(lambda: collector.counts().without_usage == 1, "It is counted")
        assert any(line.startswith("without  1 spans") for line in collector.counts().lines())


def test_usage_of_every_kind_passes(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """To the letter, and nothing is counted."""
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        spans = [span(name, attributes) for name, attributes in GOOD.items()]
        assert collector.send(request(spans)) == 200
        arrived = sink.wait_for_spans(len(GOOD)).values()
        assert {each.name: plain(each.attributes) for each in arrived} == GOOD
        assert collector.counts().without_usage == 0


@pytest.mark.parametrize("key", ["operation.name", "ai.operationId"])
def test_what_langfuse_cannot_read_as_text_is_left_out(
    binary: Path, tmp_path: Path, sink: Sink, key: str
) -> None:
    """It would answer 500 to the whole request; text passes."""
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        spans = [span("number", {key: 5}), span("text", {key: "ai.generateText"})]
        assert collector.send(request(spans)) == 200
        arrived = {each.name: plain(each.attributes) for each in sink.wait_for_spans(2).values()}
    assert arrived == {"number": {}, "text": {key: "ai.generateText"}}


def test_a_sender_cannot_say_it_for_the_collector(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """The mark that is counted is the Collector's own."""
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        assert collector.send(request([span("chat", {"collector.usage_dropped": True})])) == 200
        (arrived,) = sink.wait_for_spans(1).values()
        assert plain(arrived.attributes) == {}
        assert collector.counts().without_usage == 0
