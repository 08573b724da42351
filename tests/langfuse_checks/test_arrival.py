"""What receipts promise and what can be read: the difference, in counts and in words."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from agent_observability.commands.receipts import Receipts, SentScore, SentTrace
from langfuse_checks.arrival import (
    Arrival,
    Sent,
    missing_scores,
    missing_spans,
    score_content,
)
from langfuse_checks.patience import Patience
from langfuse_checks.records import Observation, Score, read_observation

NOW = time.time()
ROW = {
    "id": "1" * 16, "traceId": "a", "parentObservationId": None, "type": "SPAN", "name": "x",
    "startTime": "2026-11-20T10:00:00Z", "endTime": None, "level": "DEFAULT", "version": None,
    "environment": "e", "userId": None, "sessionId": None, "isRootObservation": True,
    "traceName": None, "tags": [], "usageDetails": {}, "costDetails": {}, "metadata": {},
    "input": None,
}  # fmt: skip


def rows(trace: str, count: int) -> list[Observation]:
    """Return that many rows of a trace."""
    return [read_observation({**ROW, "traceId": trace, "id": str(n)}) for n in range(count)]


def sent(trace: str, spans: int, ago: float = 0, session: str = "s") -> SentTrace:
    """Return a receipt of some seconds ago."""
    return SentTrace(trace, session, "u", spans, time.time() - ago)


def test_all_there() -> None:
    """Nothing is missing; what no receipt names, or sent twice, takes nothing away."""
    assert not missing_spans([sent("a", 3)], [*rows("a", 4), *rows("b", 1)])
    assert str(Arrival(missing_spans([sent("a", 3)], rows("a", 3)))) == ""


@pytest.mark.parametrize(
    ("receipts", "sentence"),
    [
        ([("a", 3, 31)], "1 of 3 spans sent 31 s ago is not readable yet"),
        ([("a", 2, 0), ("b", 13, 31)], "13 of 15 spans sent 31 s ago are not readable yet"),
        ([("a", 9, 7300)], "7 of 9 spans sent 2 h ago are not there"),
        ([("b", 1, 400)], "1 of 1 span sent 6 min ago is not there"),
        (
            [("a", 3, 40), ("b", 5, 200_000)],
            "1 of 8 spans sent 40 s ago is not readable yet; 5 of 8 spans sent 2 d ago are not there",
        ),
        ([("b", 1, -60)], "1 of 1 span sent 0 s ago is not readable yet"),
    ],
)
def test_what_is_missing_in_words(receipts: list[tuple[str, int, float]], sentence: str) -> None:
    """How many of how many, since when, and whether they may still come."""
    missing = missing_spans([sent(*receipt) for receipt in receipts], rows("a", 2))
    assert str(missing) == sentence
    assert bool(missing.progress) is ("yet" in sentence)
    assert str(Arrival(missing)).startswith(f"{sentence}: ")


def test_a_second_opinion_is_told_from_the_first() -> None:
    """The id alone is not enough; after some minutes it is, for others may have changed it."""
    up, down = score_content(1, ""), score_content(0, "")
    score = Score("s", "user-feedback", 1, "session", "conv", "")
    assert not missing_scores([SentScore("s", "session", "conv", up)], [score])
    late = missing_scores([SentScore("s", "session", "conv", down)], [score])
    assert (late.late, late.lost) == (1, 0)
    old = SentScore("s", "session", "conv", down, NOW - 600)
    assert not missing_scores([old], [score])
    assert missing_scores([old], []).lost == 1
    assert score_content(1, "a") != score_content(1, "b")
    assert score_content(1, "") == score_content(1.0, "") == score_content(True, "")  # noqa: FBT003 - as a score has it
    assert score_content("calm", "\ud800")


def test_what_concerns_a_session(tmp_path: Path) -> None:
    """Its own traces, and those of an interrupted turn, whose session nobody knows."""
    receipts = Receipts(tmp_path, "http://localhost:3000")
    receipts.add_traces([sent("a", 1), sent("b", 1, session="other"), sent("c", 1, session="")])
    receipts.add_scores(
        [
            SentScore("1", "session", "s", ""),
            SentScore("2", "trace", "a", ""),
            SentScore("3", "trace", "b", ""),
        ]
    )
    everything = Sent.since(receipts, None)
    assert [trace.id for trace in everything.to_session("s")] == ["a", "c"]
    assert [score.id for score in everything.on("s", ["a"])] == ["1", "2"]
    assert Sent.since(receipts, timedelta(0)) == Sent([], [])
    assert Sent.since(None, None) == Sent()


def test_patience_ends() -> None:
    """It looks once more at the end of its time, says each time what it waits for, and no more."""
    told: list[str] = []
    looks = iter(range(100))
    began = time.monotonic()
    found = Patience(1.2, told.append).until(lambda: next(looks), lambda number: f"{number} seen")
    assert 1.1 < time.monotonic() - began < 3
    assert told == [f"{number} seen" for number in range(found)]
    assert Patience(0, told.append).until(lambda: 7, lambda _: "more") == 7
