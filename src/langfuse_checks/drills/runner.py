"""Runs one drill: break one thing, verify, and say whether the table's promises turned red.

The turns run in a process of their own (`broken_turns.py`) and in a session of their own, so
nothing stays broken: the next `make demo` is healthy.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rich.console import Console

from ..api import Api, CannotLookError
from ..arrival import Receipts
from ..verify.arrived import ALL_ARRIVED
from ..verify.report import exit_code, is_unseen, show, summary
from ..verify.verdicts import Status, Verdict
from ..verify.verification import verify
from .table import DRILLS, REFUSED, Drill, expected

__all__ = ["BrokenTurns", "run_broken_turns", "run_drill"]

_TIMEOUT_SECONDS: Final = 120
_CANNOT_LOOK: Final = 2


@dataclass(frozen=True, slots=True)
class BrokenTurns:
    """The result of a drill's turns: exit code, standard error, and seconds."""

    exit_code: int
    errors: str
    seconds: float


def run_drill(
    name: str,
    api: Api,
    *,
    receipts: Receipts,
    wait_seconds: float,
    on_wait: Callable[[str], None],
    console: Console,
) -> int:
    """Run one drill; return 0 if the table is right, 1 if it is wrong, 2 if nothing can be seen."""
    drill = DRILLS[name]
    _print(console, f"drill    {name}: {drill.breaks}", f"seen in  {drill.complaint}", "")
    turns = run_broken_turns(name)
    if turns.errors:
        _print(console, f"it said  {turns.errors}", "")
    if drill.is_refused or turns.exit_code == REFUSED:
        return _judge_refusal(drill, turns, console)
    if turns.exit_code:
        return _CANNOT_LOOK
    verdicts = verify(
        api,
        expected(name),
        receipts=receipts,
        since=timedelta(seconds=turns.seconds + 1),
        wait_seconds=wait_seconds,
        on_wait=on_wait,
    )
    show(verdicts, console)
    _print(console, "", summary(verdicts), *_links(api, drill, name, verdicts))
    return _judge(drill, verdicts, console)


def run_broken_turns(name: str) -> BrokenTurns:
    """Run the drill's two turns with its one part broken."""
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - this very Python, and a name of the table
        [sys.executable, "-m", "langfuse_checks.drills.broken_turns", name],
        env={**os.environ, **DRILLS[name].settings},
        capture_output=True,
        check=False,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return BrokenTurns(done.returncode, done.stderr.strip(), time.monotonic() - started)


def _judge_refusal(drill: Drill, turns: BrokenTurns, console: Console) -> int:
    if drill.is_refused and turns.exit_code == REFUSED:
        _print(console, "Refused before it could travel: nothing was sent, as the table says.")
        return 0
    if drill.is_refused:
        _print(console, "The values were sent: langfuse_context.py does not check them.")
    _print(console, "This is not what the table says.")
    return 1


def _links(api: Api, drill: Drill, name: str, verdicts: Sequence[Verdict]) -> list[str]:
    """Return where the session can be looked at and, if it lost its cost, what still has it."""
    try:
        project = f"{api.base_url}/project/{api.project()}"
    except CannotLookError:  # The verdicts say so already.
        return []
    session = f"{project}/sessions/{expected(name).session}"
    costs = [v.result.span for v in verdicts if v.id == "cost_by_user" and v.result.span]
    if "cost_by_user" not in drill.red or not costs:
        return [f"session  {session}"]
    return [
        f"session  {session} lacks the cost of its turns",
        f"trace    {project}/traces/{costs[0].trace_id} has it, on the model's call",
    ]


def _judge(drill: Drill, verdicts: Sequence[Verdict], console: Console) -> int:
    red = {v.id for v in verdicts if v.result.status is Status.BROKEN}
    is_late = any(v.id == ALL_ARRIVED and is_unseen(v) for v in verdicts)
    if is_late or exit_code(verdicts) == _CANNOT_LOOK:
        return _CANNOT_LOOK
    if red == drill.red:
        _print(console, "Just what the table says. The next `make demo` is healthy again.")
        return 0
    missing, more = ", ".join(sorted(drill.red - red)), ", ".join(sorted(red - drill.red))
    _print(console, f"Not what the table says: missing {missing or 'none'}, more {more or 'none'}.")
    return 1


def _print(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
