"""Promises about the backend: it answers, is healthy, is Langfuse v4, and takes the keys.

They are checked in this order: each needs the one before it, and each has its own fix.
"""

from typing import Final

from ..api import Api, CannotLookError, Health
from .verdicts import Result, Status, Verdict, broken, kept, unchecked

__all__ = ["check_backend"]

_WORDS: Final = {
    "reachable": "the backend answers",
    "healthy": "it is healthy",
    "version": "it is Langfuse v4 or newer",
    "keys": "it accepts the keys",
}
_OLDEST_MAJOR: Final = 4
_SKEW_SECONDS: Final = 30
_SKIPPED: Final = "the backend cannot be looked at: see above"


def check_backend(api: Api) -> list[Verdict]:
    """Check the backend; the promises after a broken one are unchecked."""
    try:
        health = api.health()
    except CannotLookError as error:
        return _verdicts(reachable=_failed(error))
    return _verdicts(
        reachable=kept(api.base_url),
        healthy=_healthy(health),
        version=_version(health),
        keys=_keys(api) if health.status == "OK" and health.major >= _OLDEST_MAJOR else None,
    )


def _verdicts(**results: Result | None) -> list[Verdict]:
    return [
        Verdict(id_, words, results.get(id_) or unchecked(_SKIPPED))
        for id_, words in _WORDS.items()
    ]


def _healthy(health: Health) -> Result:
    if health.status != "OK":
        return broken(
            health.status[:200],
            cause="the backend is up, and what it needs is not",
            fix="see the server's log, its database's first",
        )
    if abs(health.ahead_seconds) < _SKEW_SECONDS:
        return kept()
    side = "ahead of" if health.ahead_seconds > 0 else "behind"
    return kept(f"its clock is {abs(health.ahead_seconds):.0f} s {side} this machine's")


def _version(health: Health) -> Result:
    name = "the local backend, as " if health.is_local else ""
    if health.major >= _OLDEST_MAJOR:
        return kept(f"{name}Langfuse {health.version}")
    return unchecked(
        f"Langfuse {health.version or 'of unknown version'} keeps session and user on traces, not"
        " on observations: nothing below can be checked before an upgrade to v4"
    )


def _keys(api: Api) -> Result:
    try:
        return kept(f"project {api.project()}")
    except CannotLookError as error:
        return _failed(error)


def _failed(error: CannotLookError) -> Result:
    """Split the error's sentence, which has the fix after its colon."""
    cause, _, fix = str(error).partition(": ")
    return Result(Status.BROKEN, "", None, cause, fix.rstrip("."))
