"""What a check comes to: kept, broken with the first offending span, or unchecked with why."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from langfuse_checks.evidence import Evidence
from langfuse_checks.rows import Observation

__all__ = ["Promise", "Result", "Status", "Verdict", "broken", "kept", "unchecked"]


class Status(StrEnum):
    """Whether a promise holds."""

    KEPT = "kept"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Result:
    """One check's outcome; a broken one has the first offending span, a cause and a fix."""

    status: Status
    detail: str
    span: Observation | None = None
    cause: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its name, its words, and how it is checked."""

    id: str
    words: str
    check: Callable[[Evidence], Result]
    needs_rows: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise and what came of checking it."""

    id: str
    words: str
    result: Result


def kept(detail: str = "") -> Result:
    """The promise holds."""
    return Result(Status.KEPT, detail)


def unchecked(reason: str) -> Result:
    """Whether the promise holds cannot be seen."""
    return Result(Status.UNCHECKED, reason)


def broken(detail: str, *, cause: str, fix: str, span: Observation | None = None) -> Result:
    """The promise does not hold."""
    return Result(Status.BROKEN, detail, span, cause, fix)
