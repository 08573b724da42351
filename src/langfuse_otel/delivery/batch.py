"""One batch on its way, as the session that sends it and whoever waits for it see it."""

import math
import time
from dataclasses import dataclass, replace

__all__ = ["Batch"]


@dataclass(slots=True)
class Batch:
    """What is known of a batch.

    Attributes:
        size: Spans in it.
        deadline: When it has taken too long, on the monotonic clock.
        is_success: Whether the exporter says so; None while it is at work.
        is_abandoned: Whether nobody waits for it any more.
        is_sent: Whether any attempt got as far as sending.
        is_open: Whether an attempt waits for its answer.
        is_unknown: Whether an attempt ended so that the batch may have been stored.
        is_refused: Whether nothing listened at the last attempt.
        is_too_large: Whether a smaller one may be taken.
        rejected: Spans that a successful answer says were not stored.
        problem: What went wrong last, one clause.
        status: Status code of the last answer, 0 without one.
    """

    size: int
    deadline: float = math.inf
    is_success: bool | None = None
    is_abandoned: bool = False
    is_sent: bool = False
    is_open: bool = False
    is_unknown: bool = False
    is_refused: bool = False
    is_too_large: bool = False
    rejected: int = 0
    problem: str = ""
    status: int = 0

    @property
    def seconds_left(self) -> float:
        """Time until the deadline; never 0, which would be no timeout to a socket."""
        return max(self.deadline - time.monotonic(), 0.001)

    @property
    def is_over(self) -> bool:
        """Whether it has taken too long."""
        return time.monotonic() >= self.deadline

    def abandon(self) -> "Batch":
        """Return what is known now: what ending it does to it is not its cause."""
        self.is_abandoned = True
        return replace(self)
