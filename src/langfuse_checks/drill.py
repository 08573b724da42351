"""`make drill`: break one thing, look, and say whether what turned red is what the table says.

The turns run in a process of their own (`broken.py`) and in a session of their own, so nothing
stays broken: the next `make demo` is healthy.
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
from rich.table import Table

from langfuse_checks.api import Api
from langfuse_checks.drills import DRILLS, REFUSED, Drill, expected
from langfuse_checks.report import exit_code, show, summary
from langfuse_checks.results import Status, Verdict
from langfuse_checks.verify import verify

__all__ = ["Broken", "drill", "drill_table", "run_broken", "turned_red"]

_TIMEOUT_SECONDS: Final = 120
_CANNOT_LOOK: Final = 2


@dataclass(frozen=True, slots=True)
class Broken:
    """What a broken run came to: its exit code, what it said on stderr, its seconds."""

    code: int
    said: str
    took: float


def drill(
    name: str,
    api: Api,
    *,
    wait_seconds: float,
    waiting: Callable[[str], None],
    console: Console,
) -> int:
    """Run one drill and return 0 if it came to what the table says, 1 if not, 2 if unseen."""
    row = DRILLS[name]
    _say(console, f"drill    {name}: {row.breaks}", f"seen in  {row.complaint}", "")
    ran = run_broken(name)
    if ran.said:
        _say(console, f"it said  {ran.said}", "")
    if row.is_refused or ran.code == REFUSED:
        return _judge_refusal(row, ran, console)
    if ran.code:
        return _CANNOT_LOOK
    since = timedelta(seconds=ran.took + 1)
    wanted = expected(name)
    verdicts = verify(api, wanted, since=since, wait_seconds=wait_seconds, waiting=waiting)
    show(verdicts, console)
    _say(console, "", summary(verdicts))
    return _judge(row, verdicts, console)


def run_broken(name: str) -> Broken:
    """Run the drill's two turns with its one part broken."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - this very Python, and a name of the table
        [sys.executable, "-m", "langfuse_checks.broken", name],
        env={**os.environ, **DRILLS[name].settings},
        capture_output=True,
        check=False,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return Broken(done.returncode, done.stderr.strip(), time.monotonic() - began)


def turned_red(verdicts: Sequence[Verdict]) -> frozenset[str]:
    """Return the promises that are broken."""
    return frozenset(v.id for v in verdicts if v.result.status is Status.BROKEN)


def drill_table() -> Table:
    """Return the drills as a table to print."""
    table = Table(box=None, pad_edge=False)
    for title in ("Name", "What it breaks", "Seen in", "Turns red"):
        table.add_column(title, overflow="fold")  # A reference that is cut off finds nothing.
    for name, row in DRILLS.items():
        table.add_row(
            name,
            row.breaks,
            row.complaint,
            ", ".join(sorted(row.red)) or "refused: nothing is sent",
        )
    return table


def _judge_refusal(row: Drill, ran: Broken, console: Console) -> int:
    as_told = row.is_refused and ran.code == REFUSED
    told = "Refused before it could travel: nothing was sent, as the table says."
    _say(console, told if as_told else "This is not what the table says.")
    return int(not as_told)


def _judge(row: Drill, verdicts: Sequence[Verdict], console: Console) -> int:
    red = turned_red(verdicts)
    if exit_code(verdicts) == _CANNOT_LOOK:
        return _CANNOT_LOOK
    if red == row.red:
        _say(console, "Just what the table says. The next `make demo` is healthy again.")
        return 0
    missing, more = ", ".join(sorted(row.red - red)), ", ".join(sorted(red - row.red))
    _say(console, f"Not what the table says: missing {missing or 'none'}, more {more or 'none'}.")
    return 1


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
