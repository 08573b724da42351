"""How verdicts are shown: lines to read and paste, or JSON for a program."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from ..records import Observation
from .evidence import Expected
from .verdicts import Status, Verdict

__all__ = ["as_json", "exit_code", "is_unseen", "show", "summary"]

_MARKS: Final = {
    Status.KEPT: ("ok  ", "green"),
    Status.BROKEN: ("FAIL", "bold red"),
    Status.UNCHECKED: ("?   ", "yellow"),
}
_BACKEND: Final = frozenset({"reachable", "healthy", "version", "keys"})
_WORDS_WIDTH: Final = 49
_MANY: Final = 3


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Return 1 if a promise is broken, 2 if one could not be looked at, else 0.

    What is merely absent, as feedback is that nobody has given, is no failure.
    """
    broken = {v.id for v in verdicts if v.result.status is Status.BROKEN}
    if broken - _BACKEND:
        return 1
    return 2 if broken or any(is_unseen(v) for v in verdicts) else 0


def show(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print one line per promise, and what to do about each that is broken.

    Promises that are unchecked for one and the same reason share a line.
    """
    for (status, reason), group in groupby(verdicts, key=_unseen_for):
        alike = list(group)
        if status is Status.UNCHECKED and len(alike) >= _MANY:
            _print_line(console, status, f"{len(alike)} more promises", reason)
            continue
        for verdict in alike:
            _print_line(console, verdict.result.status, verdict.words, verdict.result.detail)
            for name, text in _explanation(verdict):
                _print(console, Text(f"      {name:<6} {text}"))


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many promises there are, and how many of them do not hold."""
    counts = {s: sum(v.result.status is s for v in verdicts) for s in Status}
    parts = [f"{counts[Status.KEPT]} kept"]
    parts += [f"{n} {s}" for s, n in counts.items() if n and s is not Status.KEPT]
    if counts[Status.UNCHECKED] and not any(map(is_unseen, verdicts)):
        parts[-1] += " (nothing to look at yet)"
    return f"{len(verdicts)} promises: {', '.join(parts)}."


def as_json(verdicts: Sequence[Verdict], expected: Expected, base_url: str) -> str:
    """Return everything that is printed, and the exit code, as one JSON object."""
    answer = {
        "base_url": base_url,
        "session": expected.session,
        "user": expected.user,
        "exit_code": exit_code(verdicts),
        "promises": [_promise(verdict) for verdict in verdicts],
    }
    return json.dumps(answer, indent=2)


def _promise(verdict: Verdict) -> dict[str, object]:
    result = verdict.result
    return {
        "id": verdict.id,
        "words": verdict.words,
        "status": result.status,
        "detail": result.detail,
        "span": result.span and {"trace_id": result.span.trace_id, "id": result.span.id},
        "cause": result.cause,
        "fix": result.fix,
    }


def is_unseen(verdict: Verdict) -> bool:
    """Return whether the promise could not be looked at, though there should be something."""
    return verdict.result.status is Status.UNCHECKED and not verdict.result.is_absent


def _explanation(verdict: Verdict) -> list[tuple[str, str]]:
    result = verdict.result
    lines = (
        ("first", _named(result.span) if result.span else ""),
        ("cause", result.cause),
        ("fix", result.fix),
    )
    return [(name, text) for name, text in lines if text]


def _named(span: Observation) -> str:
    return f"{span.name}, span {span.id} of trace {span.trace_id}"


def _unseen_for(verdict: Verdict) -> tuple[Status, str]:
    result = verdict.result
    return result.status, result.detail if result.status is Status.UNCHECKED else verdict.id


def _print_line(console: Console, status: Status, words: str, detail: str) -> None:
    mark, style = _MARKS[status]
    line = f"  {words:<{_WORDS_WIDTH}} {detail}".rstrip()
    _print(console, Text.assemble((mark, style), line))


def _print(console: Console, text: Text) -> None:
    # Not wrapped: a pasted line is one line, and a path in it can be searched for.
    console.print(text, soft_wrap=True, highlight=False)
