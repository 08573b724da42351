"""Feedback: what a user thought of a turn or a conversation, as a score in Langfuse.

The score's id is made from its subject, so that a second opinion replaces the first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from .api import Api
from .arrival import Missing, Receipts, SentScore, missing_scores, score_content
from .patience import Patience
from .privacy import mask

__all__ = [
    "FEEDBACK",
    "Feedback",
    "InvalidFeedbackError",
    "await_feedback",
    "check_subject",
    "read_feedback",
    "send_feedback",
]

FEEDBACK: Final = "user-feedback"
_VALUES: Final = {"up": 1, "down": 0}
_MAX_COMMENT_CHARACTERS: Final = 2000
_TRACE_DIGITS: Final = 32


class InvalidFeedbackError(ValueError):
    """The values are no feedback; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thumb, up (1) or down (0), on a trace or a session: its `kind`; `subject` is its id."""

    value: int
    kind: str
    subject: str
    comment: str = ""

    @classmethod
    def of(cls, value: str, *, trace: str, session: str, comment: str) -> "Feedback":
        """Read the values of a command; raises InvalidFeedbackError."""
        if value not in _VALUES:
            raise InvalidFeedbackError("VALUE should be up or down, as in make feedback VALUE=up.")
        if trace and session:
            raise InvalidFeedbackError("Give TRACE or SESSION, not both.")
        if trace and not _is_trace_id(trace):
            raise InvalidFeedbackError("TRACE should be 32 hex digits, as `make demo` prints them.")
        if len(comment) > _MAX_COMMENT_CHARACTERS:
            raise InvalidFeedbackError(
                f"COMMENT should have at most {_MAX_COMMENT_CHARACTERS} characters."
            )
        kind = "trace" if trace else "session"
        return cls(_VALUES[value], kind, trace.lower() or session, comment)

    @property
    def id(self) -> str:
        """The score's id: the same for every opinion on the same subject."""
        return sha256(
            f"{FEEDBACK}/{self.kind}/{self.subject}".encode(errors="replace")
        ).hexdigest()[:32]


def check_subject(api: Api, feedback: Feedback, receipts: Receipts) -> None:
    """Check that what is scored is there: Langfuse keeps a score on anything, and shows it nowhere.

    What a receipt names is there, even if it cannot be read yet.

    Raises:
        CannotLookError: The backend gave no usable answer.
        InvalidFeedbackError: Nothing of it can be read.
    """
    if any(feedback.subject in {trace.id, trace.session} for trace in receipts.traces()):
        return
    if not api.some_observations(1, **{f"{feedback.kind}Id": feedback.subject}):
        raise InvalidFeedbackError(
            f"No {feedback.kind} {feedback.subject} can be read at {api.base_url}, and nothing was"
            f" sent: check {feedback.kind.upper()} (`make sessions` lists the sessions), or run"
            " `make demo` first."
        )


def send_feedback(api: Api, feedback: Feedback) -> SentScore:
    """Store the score, its comment masked, and return its receipt; raises CannotLookError."""
    # A shell may hand over bytes that are no text; JSON cannot carry them.
    comment = mask(feedback.comment.encode(errors="replace").decode())
    body: dict[str, object] = {
        "id": feedback.id,
        "name": FEEDBACK,
        "value": feedback.value,
        "dataType": "NUMERIC",
        f"{feedback.kind}Id": feedback.subject,
        **({"comment": comment} if comment else {}),
    }
    content = score_content(feedback.value, comment)
    return SentScore(api.post_score(body), feedback.kind, feedback.subject, content)


def await_feedback(api: Api, sent: Sequence[SentScore], patience: Patience) -> Missing:
    """Wait until the scores can be read, and return what cannot; raises CannotLookError."""
    only = {f"{sent[0].kind}Id": sent[0].subject} if len(sent) == 1 else {}
    scores = patience.until(
        lambda: api.scores(name=FEEDBACK, **only),
        lambda found: missing_scores(sent, found).progress,
    )
    return missing_scores(sent, scores)


def read_feedback(path: Path) -> Iterator[Feedback]:
    """Read the file that `make cohort` writes, JSON lines; raises InvalidFeedbackError."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise InvalidFeedbackError(
            f"{path} cannot be read ({error.strerror}): run `make cohort` first."
        ) from None
    for number, line in enumerate(lines, start=1):
        try:
            yield _from_line(json.loads(line))
        except (KeyError, TypeError, ValueError):
            raise InvalidFeedbackError(
                f"Line {number} of {path} is no feedback: run `make cohort` again."
            ) from None


def _from_line(line: Mapping[str, object]) -> Feedback:
    trace, value = str(line["trace_id"]), line["value"]
    if not _is_trace_id(trace) or value not in _VALUES.values():
        raise ValueError
    return Feedback(int(str(value)), "trace", trace)


def _is_trace_id(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) * 2 == len(text) == _TRACE_DIGITS
    except ValueError:
        return False
