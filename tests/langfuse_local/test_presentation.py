"""How values read on a page."""

from __future__ import annotations

import pytest

from langfuse_local.pages import presentation
from langfuse_local.store.summaries import Totals


def totals(cost: float | None, unknown: int) -> Totals:
    """Totals of which only the cost matters."""
    return Totals(0, 0, 1, 5, 7, cost, unknown, 0)


@pytest.mark.parametrize(
    ("dollars", "text"),
    [(0, "$0.00"), (0.5, "$0.50"), (0.000033, "$0.000033"), (1234.5, "$1,234.50")],
)
def test_money_keeps_the_cents_of_a_single_call(dollars: float, text: str) -> None:
    """Six decimals when they are needed, never fewer than two."""
    assert presentation.money(dollars) == text


@pytest.mark.parametrize(
    ("cost", "unknown", "text"),
    [(None, 0, ""), (None, 2, "2 unknown"), (0.5, 0, "$0.50"), (0.5, 1, "$0.50 + 1 unknown")],
)
def test_an_unknown_cost_is_never_zero_dollars(cost: float | None, unknown: int, text: str) -> None:
    """A call without a price is counted as unknown beside what is known."""
    assert presentation.cost(totals(cost, unknown)) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0 µs"),
        (1_500, "1.5 ms"),
        (40_000, "40 ms"),
        (2_000_000, "2 s"),
        (400_040_000, "6.67 min"),
        (90_000_000_000, "1.04 d"),
    ],
)
def test_a_duration_has_the_unit_a_reader_would_use(microseconds: int, text: str) -> None:
    """Three digits at most, from microseconds to days."""
    assert presentation.duration(microseconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ('{"query": "Where is it?"}', "Where is it?"),
        ('{"a": 1, "b": 2}', '{\n  "a": 1,\n  "b": 2\n}'),
        ("[" * 100_000, "[" * 100_000),
        ('{"half": "\\ud800"}', "\ufffd"),
    ],
)
def test_content_reads_as_text(text: str, shown: str) -> None:
    """An object of one text is that text, other JSON is indented, anything else is left alone."""
    assert presentation.content(text) == shown


def test_a_time_beyond_the_calendar_is_shown() -> None:
    """A sender may claim any time; the page shows the calendar's end instead of an error."""
    assert presentation.moment(2**63 // 1000) == "2262-04-11 23:47:16.854 UTC"
    assert presentation.moment(2**70).startswith("9999-12-31")
