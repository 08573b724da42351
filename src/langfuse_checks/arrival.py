"""What receipts promise, compared with what can be read.

A server that queues answers before a span can be read. What was sent lately and cannot be read is
late, and waited for; what was sent minutes ago is lost.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

from agent_observability.commands.receipts import Receipts, SentScore, SentTrace

from .records import Observation, Score

__all__ = [
    "LOST_AFTER_SECONDS",
    "MARGIN",
    "Arrival",
    "Missing",
    "Receipts",
    "Sent",
    "SentScore",
    "SentTrace",
    "missing_scores",
    "missing_spans",
    "score_content",
]

LOST_AFTER_SECONDS: Final = 300
MARGIN: Final = timedelta(minutes=10)
"""How long before it was sent a span may have started."""

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Sent:
    """The receipts that concern one look at a backend."""

    traces: Sequence[SentTrace] = ()
    scores: Sequence[SentScore] = ()

    @classmethod
    def since(cls, receipts: Receipts | None, period: timedelta | None) -> "Sent":
        """Read what was sent in the last `period`, everything if None."""
        if receipts is None:
            return cls()
        start = 0.0 if period is None else time.time() - period.total_seconds()
        return cls(receipts.traces(since=start), receipts.scores(since=start))

    def to_session(self, session: str) -> Sequence[SentTrace]:
        """Return the session's traces, and those of nobody knows which."""
        return [trace for trace in self.traces if trace.session in {session, ""}]

    def on(self, session: str, traces: Iterable[str]) -> Sequence[SentScore]:
        """Return the scores on a session and on traces."""
        subjects = {("session", session), *(("trace", trace) for trace in traces)}
        return [score for score in self.scores if (score.kind, score.subject) in subjects]


@dataclass(frozen=True, slots=True)
class Missing:
    """What cannot be read of what was sent: `noun`s, counted.

    Attributes:
        late: Those sent lately: they may still come.
        lost: Those sent too long ago for that.
        late_sent: When the last of `late` was sent, in seconds since 1970; `lost_sent` likewise.
    """

    noun: str
    total: int = 0
    late: int = 0
    lost: int = 0
    late_sent: float = 0
    lost_sent: float = 0

    def __bool__(self) -> bool:
        return bool(self.late or self.lost)

    def __str__(self) -> str:
        """Return what is missing in a clause, empty if nothing is."""
        clauses = (
            (self.late, self.late_sent, "not readable yet"),
            (self.lost, self.lost_sent, "not there"),
        )
        return "; ".join(
            f"{count} of {self.everything} sent {_age(sent)} ago"
            f" {'is' if count == 1 else 'are'} {words}"
            for count, sent, words in clauses
            if count
        )

    @property
    def everything(self) -> str:
        """How many were sent."""
        return f"{self.total} {self.noun}{'s' * (self.total != 1)}"

    @property
    def progress(self) -> str:
        """What to show while it is waited for, empty if it is not."""
        readable = self.total - self.late - self.lost
        return f"{readable} of {self.everything} readable" if self.late else ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What of everything that was sent cannot be read.

    Attributes:
        is_known: Whether any receipt says what was sent.
    """

    spans: Missing = field(default=Missing("span"))
    scores: Missing = field(default=Missing("score"))
    is_known: bool = False

    def __str__(self) -> str:
        """Return a sentence that ends with its fix, empty if nothing is missing."""
        clauses = "; ".join(filter(None, map(str, (self.spans, self.scores))))
        return clauses and f"{clauses}: {self.fix}."

    @property
    def fix(self) -> str:
        """What to do about what is missing."""
        if self.spans.lost or self.scores.lost:
            return (
                "see what holds them in `make status` and the backend's log; SINCE=5m looks at what"
                " came later"
            )
        return "run it again, or wait longer with WAIT=60"


def missing_spans(sent: Sequence[SentTrace], rows: Iterable[Observation]) -> Missing:
    """Count the spans that are not among the rows, which hold whole traces."""
    readable = Counter(row.trace_id for row in rows)
    gaps = [(max(trace.spans - readable[trace.id], 0), trace.sent) for trace in sent]
    return _missing("span", sum(trace.spans for trace in sent), gaps)


def missing_scores(sent: Sequence[SentScore], scores: Iterable[Score]) -> Missing:
    """Count the scores that are not there, or still have the content of an earlier opinion."""
    contents = {score.id: score_content(score.value, score.comment) for score in scores}
    gaps = [(int(not _is_readable(score, contents.get(score.id))), score.sent) for score in sent]
    return _missing("score", len(sent), gaps)


def score_content(value: float | str | bool, comment: str) -> str:  # noqa: FBT001 - as scores have it
    """Return what tells one opinion from another on the same subject, without its words."""
    text = value if isinstance(value, str) else str(float(value))
    return sha256(f"{text}/{comment}".encode(errors="replace")).hexdigest()[:16]


def _is_readable(sent: SentScore, content: str | None) -> bool:
    # Somebody else may have replaced an older one since.
    return content == sent.content or (content is not None and _is_old(sent.sent))


def _missing(noun: str, total: int, gaps: Sequence[tuple[int, float]]) -> Missing:
    late = [(count, sent) for count, sent in gaps if count and not _is_old(sent)]
    lost = [(count, sent) for count, sent in gaps if count and _is_old(sent)]
    return Missing(
        noun,
        total,
        late=sum(count for count, _ in late),
        lost=sum(count for count, _ in lost),
        late_sent=max((sent for _, sent in late), default=0.0),
        lost_sent=max((sent for _, sent in lost), default=0.0),
    )


def _is_old(sent: float) -> bool:
    return time.time() - sent > LOST_AFTER_SECONDS


def _age(sent: float) -> str:
    seconds = max(int(time.time() - sent), 0)
    size, unit = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"
