"""`users` and `sessions` as a reader runs them, over a real backend that holds a cohort."""

import os
import re
import subprocess
import sys
from collections import Counter
from html import unescape

from backends import Backend
from checkout import ROOT, Run


def test_the_cohorts_feedback_reaches_users_and_sessions(run: Run, backend: Backend) -> None:
    """Every line becomes one score; the tables count them, and the pages' costs are theirs."""
    assert run("langfuse_checks", "feedback", CHECK_VALUE="up").returncode == 0
    with backend.api() as api:
        before = len(api.scores(name="user-feedback"))
    assert run("agent_observability.commands.cohort", "--users", "32").returncode == 0
    for _ in range(2):  # A second time changes nothing.
        feedback = run("langfuse_checks", "feedback", "--cohort")
        assert feedback.returncode == 0, feedback.stderr
    score_count = int(re.findall(r"\d+", feedback.stdout)[0])
    users, sessions = run("langfuse_checks", "users"), run("langfuse_checks", "sessions")
    assert (users.returncode, sessions.returncode) == (0, 0), users.stderr
    for table in (users.stdout, sessions.stdout):
        counts = re.findall(r"(\d+) up, (\d+) down", table)
        assert sum(int(up) + int(down) for up, down in counts) == before + score_count
    assert re.search(
        r"^Highest cost: usr_\w+, \$[\d.]+ \(\d+% of \$[\d.]+\)\.$", users.stdout, re.M
    )
    assert re.findall(r"(usr_\w+) \((\d+)\)", users.stdout) == _denied_twice(backend)
    assert re.search(r"^Negative feedback: \d+, most of it by usr_", users.stdout, re.MULTILINE)
    assert "workflow friction: handed to a person" in sessions.stdout
    for table in (users.stdout, sessions.stdout):
        rows = [row for row in table.splitlines() if row[:4] in {"usr_", "conv", "User", "Sess"}]
        assert max(len(row) for row in rows) <= 100
    assert _costs(users.stdout) == _costs_of_page(backend, "users")
    assert _costs(sessions.stdout) == _costs_of_page(backend, "sessions")


def _denied_twice(backend: Backend) -> list[tuple[str, str]]:
    """Return users with two denied turns or more, the most expensive first."""
    denied: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    with backend.api() as api:
        for row in api.observations():
            denied[row.user_id] += row.is_root and row.metadata.get("outcome") == "denied"
            cost[row.user_id] += row.total_cost  # type: ignore[assignment] # dollars, not counts
    users = [user for user, count in denied.items() if count > 1]
    return [(u, str(denied[u])) for u in sorted(users, key=lambda u: (-cost[u], u))]


def _costs(table: str) -> set[tuple[str, float]]:
    rows = re.findall(r"^(usr_\w+|conv_\w+).*?(?:\$([\d.]+)|$)", table, re.MULTILINE)
    return {(name, float(cost or 0)) for name, cost in rows}


def _costs_of_page(backend: Backend, page: str) -> set[tuple[str, float]]:
    """Return what the list shows on all of its pages."""
    costs: set[tuple[str, float]] = set()
    for number in range(5):
        for row in backend.page(f"{page}?page={number}").split("<tr>"):
            text = unescape(re.sub(r"<[^>]*>", " ", row))
            names = re.findall(r"^\s*(usr_\w+|conv_\w+)", text)
            dollars = re.findall(r"\$([\d.]+)", text)
            costs |= {(name, float(dollars[0]) if dollars else 0.0) for name in names}
    return costs


def test_a_reader_who_leaves_is_no_error(run: Run, backend: Backend) -> None:
    """`make sessions | head -1` prints its line and ends quietly, with 0."""
    script = f"'{sys.executable}' -m langfuse_checks sessions; echo code $? >&2"
    ran = subprocess.run(
        ["sh", "-c", f"{{ {script}; }} | exec 0<&-; true"],
        cwd=run.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "LANGFUSE_BASE_URL": backend.web},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stderr == "code 0\n"
