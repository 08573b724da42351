"""The commands as a reader runs them, over a real backend that holds real turns."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.request import build_opener

import pytest
from backends import Backend
from typer.testing import CliRunner

from langfuse_checks.__main__ import app
from langfuse_checks.verify.evidence import DEMO_SESSION, DEMO_USER

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """Runs a module of the project in a folder of its own."""

    folder: Path
    backend: Backend

    def __call__(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Without the reader's own settings; changes are environment variables."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {
            **kept,
            "PYTHONPATH": str(ROOT / "src"),
            "LANGFUSE_BASE_URL": self.backend.web,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": self.backend.otlp,
            **changes,
        }
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )


GREEN = f"""\
session  {DEMO_SESSION}
user     {DEMO_USER}

ok    the backend answers                               URL
ok    it is healthy
ok    it is Langfuse v4 or newer                        the local backend, as Langfuse 4.16.0
ok    it accepts the keys                               project order-status-demo
ok    the session holds two traces or more              2 traces
ok    each trace has one root named order-status-turn   2/2
ok    no span of a turn lies outside its trace          0 stray traces
ok    every observation carries the session             26/26
ok    every observation carries the user                26/26
ok    every observation carries the trace name          26/26
ok    every observation carries one version             26/26
ok    every observation carries the tags                26/26
ok    every observation carries the environment         26/26
ok    every observation carries the bounded metadata    26/26
ok    no trace id is used as a session id               0 of 31 observations
ok    all cost is attributed to the listed user         $0.000142
ok    usage is on generations only                      2 observations have it
ok    every cost is known, or said to be unknown        2 of 2 calls
ok    metadata values are of the bounded sets           78 values
ok    nothing private is in a propagated value          0 of 470 values
ok    feedback is readable on the session               none yet: make feedback VALUE=up

21 promises: 21 kept.
"""


@pytest.fixture(scope="module", name="run")
def _run(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run modules in a folder where two turns and a conversation have run."""
    run = Run(tmp_path_factory.mktemp("checkout"), backend)
    for module in ("main", "main", "conversation"):
        done = run(f"agent_observability.{module}")
        assert done.returncode == 0, done.stderr
    return run


def test_verify_is_green_and_reads_like_this(run: Run, backend: Backend) -> None:
    """Exit 0 after two turns; the output is the same each time but for the address."""
    done = run("langfuse_checks", "verify")
    assert done.stdout.replace(backend.web, "URL") == GREEN
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_the_conversation_is_green(run: Run, backend: Backend) -> None:
    """Three turns of a session of its own, a handoff among them."""
    with backend.api() as api:
        sessions = {row.session_id for row in api.observations(userId=DEMO_USER)} - {DEMO_SESSION}
    (session,) = (s for s in sessions if not s.startswith("conv_drill"))
    done = run("langfuse_checks", "verify", "--session", session)
    assert done.returncode == 0, done.stdout
    assert "3 traces" in done.stdout


def test_verify_as_json(run: Run) -> None:
    """One object with every promise, its status, its first span, and the exit code."""
    done = run("langfuse_checks", "verify", "--json", "--user", "usr_other", "--wait", "0")
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode == 1
    assert (report["session"], report["user"]) == (DEMO_SESSION, "usr_other")
    by_id = {promise["id"]: promise for promise in report["promises"]}
    assert len(by_id) == 21
    assert by_id["carries_user"]["status"] == "broken"
    assert by_id["carries_user"]["span"]["trace_id"]
    assert by_id["carries_session"]["status"] == "kept"


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "words"),
    [
        (["--session", "nope", "--wait", "0"], {}, 1, "nothing ran"),
        (["--since", "1h"], {}, 0, "21 kept"),
        (["--since", "0s", "--wait", "0"], {}, 1, "before what --since asks for"),
        (["--since", "soon"], {}, 2, "should be a number with s, m, h or d"),
        (["--base-url", "ftp://x"], {}, 2, "should be an address"),
        (["--base-url", "http://127.0.0.1:9"], {}, 2, "Nothing answers at http://127.0.0.1:9"),
        ([], {"LANGFUSE_SECRET_KEY": "wrong"}, 2, "does not accept the keys"),
        ([], {"LANGFUSE_BASE_URL": "nowhere"}, 2, "LANGFUSE_BASE_URL should be an address"),
        ([], {"CHECK_SESSION": "`touch ran`", "CHECK_SINCE": ""}, 1, "nothing ran"),
        ([], {"HTTP_PROXY": "http://127.0.0.1:9"}, 0, "21 kept"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_exit_codes(
    run: Run, arguments: list[str], changes: dict[str, str], code: int, words: str
) -> None:
    """0, 1 and 2, with one sentence and never a traceback."""
    wait = [] if "--wait" in arguments else ["--wait", "1"]
    environment = {"LANGFUSE_BASE_URL": run.backend.web, **changes}
    done = CliRunner().invoke(app, ["verify", *arguments, *wait], env=environment)
    output = " ".join(re.sub(r"[│╭╰─╮╯]", " ", done.output).split())
    assert done.exit_code == code, output
    assert words in output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_feedback_given_twice_is_one_score(run: Run, backend: Backend) -> None:
    """The second opinion replaces the first, with its comment as it was typed."""
    with backend.api() as api:
        row = api.some_observations(1, sessionId=DEMO_SESSION, isRootObservation="true")[0]
        for value in ("up", "down"):
            comment = f"`touch ran` $(touch ran) \"{value}\" 'é'"
            done = run(
                "langfuse_checks", "feedback", CHECK_VALUE=value, CHECK_TRACE=row.trace_id,
                CHECK_COMMENT=comment,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        (score,) = api.scores(traceId=row.trace_id)
        assert (score.name, score.value, score.comment) == ("user-feedback", 0, comment)
        assert f"/traces/{row.trace_id}" in done.stdout
    for page in (f"sessions/{DEMO_SESSION}", f"users/{DEMO_USER}", f"traces/{row.trace_id}"):
        shown = unescape(_page(backend, page))
        assert shown.count("user-feedback") == 1, page
        assert comment in shown, page


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "VALUE should be up or down"),
        ({"CHECK_VALUE": "5"}, "VALUE should be up or down"),
        ({"CHECK_VALUE": "up", "CHECK_TRACE": "x"}, "TRACE should be 32 hex digits"),
        ({"CHECK_VALUE": "up", "CHECK_TRACE": "a" * 32, "CHECK_SESSION": "s"}, "not both"),
        ({"CHECK_VALUE": "up", "CHECK_COMMENT": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_bad_feedback_is_refused(variables: dict[str, str], words: str) -> None:
    """Exit 2 and a sentence, before anything is sent."""
    done = CliRunner().invoke(app, ["feedback"], env=variables)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_the_cohorts_feedback_reaches_users_and_sessions(run: Run, backend: Backend) -> None:
    """Every line becomes one score; the tables count them, and the pages' costs are theirs."""
    with backend.api() as api:
        before = len(api.scores(name="user-feedback"))
    assert run("agent_observability.cohort", "--users", "32").returncode == 0
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
        for row in _page(backend, f"{page}?page={number}").split("<tr>"):
            text = unescape(re.sub(r"<[^>]*>", " ", row))
            names = re.findall(r"^\s*(usr_\w+|conv_\w+)", text)
            dollars = re.findall(r"\$([\d.]+)", text)
            costs |= {(name, float(dollars[0]) if dollars else 0.0) for name in names}
    return costs


def _page(backend: Backend, path: str) -> str:
    url = f"{backend.web}/project/order-status-demo/{path}"
    with build_opener().open(url, timeout=10) as answer:
        page: str = answer.read().decode()
    return page
