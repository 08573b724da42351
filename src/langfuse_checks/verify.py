"""`make verify`: every promise of the chapter, read back from whichever backend runs."""

from collections.abc import Callable
from datetime import timedelta

from langfuse_checks.api import Api, CannotLookError
from langfuse_checks.backend import look_at_backend
from langfuse_checks.evidence import Expected, gather
from langfuse_checks.promises import PROMISES, check
from langfuse_checks.results import Status, Verdict, unchecked

__all__ = ["verify"]


def verify(
    api: Api,
    expected: Expected,
    *,
    since: timedelta | None = None,
    wait_seconds: float = 10,
    waiting: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Check the backend, then every promise about the session.

    `since`, `wait_seconds` and `waiting` are those of `evidence.gather()`.
    """
    verdicts = look_at_backend(api)
    if any(each.result.status is not Status.KEPT for each in verdicts):
        return verdicts + _unseen("the backend cannot be looked at: see above")
    try:
        evidence = gather(api, expected, since=since, wait_seconds=wait_seconds, waiting=waiting)
    except CannotLookError as error:
        return verdicts + _unseen(str(error))
    return verdicts + check(evidence)


def _unseen(reason: str) -> list[Verdict]:
    return [Verdict(each.id, each.words, unchecked(reason)) for each in PROMISES]
