"""Verdicts: a promise is kept, broken (with the first offending span), or unchecked (with why).

What was never there to be looked at is unchecked, too; but nothing is wrong with that.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..records import Observation

__all__ = ["Result", "Status", "Verdict", "absent", "broken", "kept", "unchecked"]


class Status(StrEnum):
    """Whether a promise holds."""

    KEPT = "kept"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check; a broken one has the first offending span, a cause and a fix.

    `is_absent` says of an unchecked promise that nothing it speaks of has happened yet.
    """

    status: Status
    detail: str
    span: Observation | None = None
    cause: str = ""
    fix: str = ""
    is_absent: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise and the result of its check."""

    id: str
    words: str
    result: Result


def kept(detail: str = "") -> Result:
    """Say that the promise holds."""
    return Result(Status.KEPT, detail)


def unchecked(reason: str) -> Result:
    """Say that the promise could not be checked."""
    return Result(Status.UNCHECKED, reason)


def absent(reason: str) -> Result:
    """Say that nothing the promise speaks of has happened yet."""
    return Result(Status.UNCHECKED, reason, is_absent=True)


def broken(detail: str, *, cause: str, fix: str, span: Observation | None = None) -> Result:
    """Say that the promise does not hold."""
    return Result(Status.BROKEN, detail, span, cause, fix)
