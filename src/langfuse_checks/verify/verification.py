"""`make verify`: every promise of the chapter, read back from whichever backend runs."""

from collections.abc import Callable
from datetime import timedelta

from ..api import Api, CannotLookError
from ..arrival import Receipts, Sent
from .backend import check_backend
from .evidence import Expected, fetch_evidence
from .promises import PROMISES, check
from .verdicts import Status, Verdict, unchecked

__all__ = ["verify"]


def verify(
    api: Api,
    expected: Expected,
    *,
    receipts: Receipts | None = None,
    since: timedelta | None = None,
    wait_seconds: float = 30,
    on_wait: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Check the backend, then every promise about the session.

    `receipts` say what was sent to it; the other options are those of `fetch_evidence()`.
    """
    verdicts = check_backend(api)
    if any(verdict.result.status is not Status.KEPT for verdict in verdicts):
        return verdicts + _all_unchecked("the backend cannot be looked at: see above")
    try:
        evidence = fetch_evidence(
            api,
            expected,
            since=since,
            sent=Sent.since(receipts, since),
            wait_seconds=wait_seconds,
            on_wait=on_wait,
        )
    except CannotLookError as error:
        return verdicts + _all_unchecked(str(error))
    return verdicts + check(evidence)


def _all_unchecked(reason: str) -> list[Verdict]:
    return [Verdict(promise.id, promise.words, unchecked(reason)) for promise in PROMISES]
