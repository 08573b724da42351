"""Verdicts: a promise is kept, broken (with the first offending span), or unchecked (with why)."""

from dataclasses import dataclass
from enum import StrEnum

from ..records import Observation

__all__ = ["Result", "Status", "Verdict", "broken", "kept", "unchecked"]


class Status(StrEnum):
    """Whether a promise holds."""

    KEPT = "kept"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check; a broken one has the first offending span, a cause and a fix."""

    status: Status
    detail: str
    span: Observation | None = None
    cause: str = ""
    fix: str = ""


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


def broken(detail: str, *, cause: str, fix: str, span: Observation | None = None) -> Result:
    """Say that the promise does not hold."""
    return Result(Status.BROKEN, detail, span, cause, fix)
