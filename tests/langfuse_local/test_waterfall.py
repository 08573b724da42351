"""The waterfall: whatever arrives, every observation has one row and a bar inside its track."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from mapped import observe

from langfuse_local.pages.waterfall import waterfall

if TYPE_CHECKING:
    from langfuse_local.mapping.observation import Observation

NOTHING = observe()
IDS = st.integers(1, 12).map(lambda each: format(each, "016x"))
SPANS = st.dictionaries(
    IDS, st.tuples(st.none() | IDS, st.integers(0, 2**63), st.integers(-(10**9), 2**63)), min_size=1
)


def observation(span: str, parent: str | None, start: int, length: int) -> Observation:
    """An observation of which only the place in the trace matters."""
    return NOTHING._replace(
        id=span, parent_id=parent, name=span, start_time=start, end_time=start + length
    )


@given(SPANS)
def test_no_observation_is_lost_and_no_bar_leaves_its_track(
    spans: dict[str, tuple[str | None, int, int]],
) -> None:
    """Orphans, circles, negative durations and far futures keep one row each, within 0 to 100 %."""
    bars = waterfall([observation(span, *rest) for span, rest in spans.items()])
    assert sorted(bar.observation.id for bar in bars) == sorted(spans)
    for bar in bars:
        assert bar.left >= 0
        assert bar.width > 0
        assert bar.left + bar.width <= 100.000001


def test_children_follow_their_parent_in_order_of_start() -> None:
    """Rows read as a tree: a parent, then its children by start, each one level deeper."""
    bars = waterfall(
        [
            observation("d", "b", 40, 1),
            observation("c", "a", 30, 1),
            observation("b", "a", 20, 30),
            observation("a", None, 10, 90),
        ]
    )
    assert [(bar.observation.id, bar.depth) for bar in bars] == [
        ("a", 0),
        ("b", 1),
        ("d", 2),
        ("c", 1),
    ]


def test_a_span_whose_parent_never_arrived_is_marked() -> None:
    """An orphan stands at the top level and says so; a root does not."""
    bars = waterfall([observation("a", None, 0, 9), observation("b", "gone", 1, 2)])
    assert [(bar.observation.id, bar.is_orphan) for bar in bars] == [("a", False), ("b", True)]


def test_a_trace_deeper_than_pythons_stack_is_shown() -> None:
    """A sender decides how deep a trace is; ten thousand levels are no error."""
    chain = [observation(str(n), str(n - 1) if n else None, n, 1) for n in range(10_000)]
    assert waterfall(chain)[-1].depth == 9_999
