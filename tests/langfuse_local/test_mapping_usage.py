"""Tokens and money: what is counted, what is priced, and what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapped import observe

USAGE, COST = "langfuse.observation.usage_details", "langfuse.observation.cost_details"
COUNTERS = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
MINI = {"gen_ai.request.model": "gpt-4o-mini"}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ('{"input": 1, "output": 2}', {"input": 1, "output": 2, "total": 3}),
        ('{"input": 1, "cached": 2, "total": 9}', {"input": 1, "cached": 2, "total": 9}),
        ('{"input": "12", "output": 2.0}', {"input": 12, "output": 2, "total": 14}),
        ('{"a": "5.7", "b": " 12 tokens", "c": "-3", "d": "1e3"}', {"a": 5, "b": 12, "d": 1}),
        ('{"a": 1.5, "b": -1, "c": "x", "d": null, "e": true, "f": {}}', {}),
        ('{"a": 1e20, "b": 9007199254740993}', {}),
        ("[1]", {}),
        ("5", {}),
        ("{}", {}),
        (7, {}),
        (["x"], {}),
        ("{broken", {"input": 100, "output": 20, "total": 120}),
        ("", {"input": 100, "output": 20, "total": 120}),
    ],
)
def test_usage_details_come_before_counters(value: Any, stored: dict[str, int]) -> None:
    """Details that are not JSON give way to the counters; JSON that is no object does not."""
    expected = (
        stored if "total" in stored or not stored else stored | {"total": sum(stored.values())}
    )
    assert observe({USAGE: value, **COUNTERS}).usage == expected


@pytest.mark.parametrize(
    ("usage", "stored"),
    [
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 8,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": None},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            {
                "input": 6,
                "input_cached_tokens": 4,
                "output": 3,
                "output_reasoning_tokens": 5,
                "total": 18,
            },
        ),
        (
            {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18},
            {"input": 10, "output": 8, "total": 18},
        ),
        (
            {"input_tokens": 10, "output_tokens": "8", "total_tokens": 18},
            {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18, "total": 36},
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 8,
                "total_tokens": 18,
                "input_tokens_details": {"cached_tokens": 0.5},
            },
            {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18, "total": 36},
        ),
        (
            {"input_tokens": 10, "total_tokens": 18},
            {"input_tokens": 10, "total_tokens": 18, "total": 28},
        ),
    ],
)
def test_usage_as_openai_returns_it(usage: dict[str, Any], stored: dict[str, int]) -> None:
    """OpenAI's usage objects are translated when every count is one, and kept as sent otherwise."""
    assert observe({USAGE: json.dumps(usage)}).usage == stored


@pytest.mark.parametrize(
    ("counts", "stored"),
    [
        ({"cache_read.input_tokens": 30}, {"input": 70, "output": 20, "input_cached_tokens": 30}),
        ({"cache_read_input_tokens": 30}, {"input": 70, "output": 20, "input_cached_tokens": 30}),
        (
            {"cache_creation.input_tokens": 30, "cache_read_tokens": 80},
            {"input": 0, "output": 20, "input_cached_tokens": 80, "input_cache_creation": 30},
        ),
        (
            {"reasoning.output_tokens": 5},
            {"input": 100, "output": 15, "output_reasoning_tokens": 5},
        ),
        ({"completion_details.audio": 50}, {"input": 100, "output": 0, "output_audio_tokens": 50}),
        (
            {"details.images": 2, "other": "3"},
            {"input": 100, "output": 20, "images": 2, "other": 3},
        ),
        ({"prompt_tokens": 0}, {"input": 0, "output": 20}),
        ({"other": "many", "cost": 5}, {"input": 100, "output": 20}),
        ({"other": 1.5}, {"input": 100, "output": 20}),
        ({"total_tokens": 7}, {"input": 100, "output": 20, "total": 7}),
    ],
)
def test_counters(counts: dict[str, Any], stored: dict[str, int]) -> None:
    """Parts that are counted on their own are taken out of input and output, never below zero."""
    counters = {f"gen_ai.usage.{name}": count for name, count in counts.items()}
    expected = stored if "total" in stored else stored | {"total": sum(stored.values())}
    assert observe({**COUNTERS, **counters}).usage == expected


def test_openinference_counters() -> None:
    """OpenInference's names are counted the same way."""
    counters = {
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 20,
        "llm.token_count.total": 120,
        "llm.token_count.prompt_details.cache_read": 30,
        "llm.token_count.completion_details.reasoning": 5,
    }
    assert observe(counters).usage == {
        "input": 70,
        "output": 15,
        "total": 120,
        "input_cached_tokens": 30,
        "output_reasoning_tokens": 5,
    }


@pytest.mark.parametrize("operation", ["invoke_agent", "agent_step"])
def test_roll_ups_keep_no_model_usage_or_cost(operation: str) -> None:
    """A span that repeats its children's tokens does not count them a second time."""
    attributes = {"gen_ai.operation.name": operation, **MINI, **COUNTERS, COST: '{"total": 1}'}
    observation = observe({**attributes, "gen_ai.request.top_p": 1})
    assert (observation.model, observation.usage, observation.cost) == ("", {}, {})
    assert observation.model_parameters == '{"top_p":1}'


@pytest.mark.parametrize(
    ("attributes", "stored"),
    [
        ({COST: '{"total": 0.5}', "gen_ai.usage.cost": 9.0}, {"total": 0.5}),
        ({COST: '{"input": 0.1, "output": 0.2}'}, {"input": 0.1, "output": 0.2, "total": 0.3}),
        ({COST: '{"input": 0.1}'}, {"input": 0.1, "total": 0.1}),
        ({COST: '{"input": 0.1, "audio": 0.2}'}, {"input": 0.1, "audio": 0.2}),
        ({COST: '{"input": "0.1", "output": 0.2}'}, {"input": 0.0, "output": 0.2, "total": 0.0}),
        ({COST: '{"total": "0.0012"}'}, {"total": 0.0}),
        ({COST: '{"total": true}'}, {"total": 0.0}),
        ({COST: '{"total": 5e6, "a": -5e6}'}, {"total": 999_999.999999, "a": -999_999.999999}),
        ({COST: '{"total": 1e999}'}, {"total": 0.0}),
        ({COST: '{"input": 0.1, "output": null}'}, {"input": 0.1, "output": 0.0, "total": 0.1}),
        ({COST: "{broken", "gen_ai.usage.cost": 0.5, "llm.cost.total": 0.7}, {"total": 0.5}),
        ({"gen_ai.usage.cost": "", "llm.cost.total": 0.7}, {"total": 0.7}),
        ({"gen_ai.usage.cost": 0, "llm.cost.total": 0.7}, {"total": 0.0}),
        ({"gen_ai.usage.cost": 2}, {"total": 2.0}),
        ({"gen_ai.usage.cost": "free"}, {"total": 0.0}),
        ({"gen_ai.usage.cost": float("nan")}, {"total": 0.0}),
        ({"gen_ai.usage.cost": [1.0]}, {"total": 0.0}),
    ],
)
def test_costs_that_were_sent(attributes: dict[str, Any], stored: dict[str, float]) -> None:
    """A cost that was sent is kept, and nothing is computed next to it; text is worth nothing."""
    observation = observe({**MINI, **COUNTERS, **attributes})
    assert observation.cost == stored
    assert observation.total_cost == stored.get("total", 0.0)


@pytest.mark.parametrize("value", ["{}", '{"total": null}', "[]", 7])
def test_no_cost_was_sent(value: Any) -> None:
    """Details without any amount leave the cost to be computed."""
    assert observe({**MINI, **COUNTERS, COST: value}).cost == {
        "input": 0.000015,
        "output": 0.000012,
        "total": 0.000027,
    }


@pytest.mark.parametrize(
    "model",
    ["gpt-4o-mini", "GPT-4o-mini", "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "order-model"],
)
def test_models_with_a_price(model: str) -> None:
    """A price is found by the model's name, in any case."""
    assert observe({"model": model, **COUNTERS}).total_cost == 0.000027


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o", 0.0025 + 0.01),
        ("openai/gpt-5.2", 0.00175 + 0.014),
        ("o4-mini", 0.0011 + 0.0044),
        ("claude-sonnet-4-5", 0.003 + 0.015),
        ("anthropic/claude-haiku-4-5-20251001", 0.001 + 0.005),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 0.005 + 0.025),
        ("claude-sonnet-5", 0.002 + 0.01),
        ("googleai/gemini-2.5-flash", 0.0003 + 0.0025),
    ],
)
def test_models_of_a_tutorial_have_a_price(model: str, cost: float) -> None:
    """A thousand tokens in and out at Langfuse's prices, under each of a model's names."""
    counters = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 1000}
    observation = observe({"model": model, **counters})
    assert observation.total_cost == pytest.approx(cost, abs=1e-12)
    assert observation.is_priced


@pytest.mark.parametrize(
    "model", ["gpt-4o-2", "gpt-4x1", "gpt-4o-mini-2", "my-order-model", "order-model-2", ""]
)
def test_models_without_a_price(model: str) -> None:
    """Tokens of an unknown model are kept and cost nothing that is known."""
    observation = observe({"model": model, **COUNTERS})
    assert (observation.usage["total"], observation.cost) == (120, {})


def test_cached_and_reasoning_tokens_have_their_price() -> None:
    """Cached tokens are cheaper; reasoning costs what output does unless priced; rest is free."""
    details = '{"input": 10, "input_cached_tokens": 10, "output_reasoning": 10, "images": 3}'
    assert observe({**MINI, USAGE: details}).cost == {
        "input": 0.0000015,
        "input_cached_tokens": 0.00000075,
        "output_reasoning": 0.000006,
        "total": 0.00000825,
    }


def test_priced_without_usage() -> None:
    """A known model without tokens has no cost: the backend does not count them itself."""
    assert observe(MINI).cost == {}
