"""Every command that reads, at once after one that sends, on a backend that is late: right anyway.

The delays are those of a real Langfuse; the soak test does it twenty times in a row.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from backends import running
from checkout import ROOT, Run
from click.testing import Result
from typer.testing import CliRunner

from agent_observability.commands.receipts import FILE
from langfuse_checks.__main__ import app

MAIN = "agent_observability.main"
# What `make drill NAME=root-only` breaks, in the demo's own session.
ROOT_ONLY = """
import sys
from agent_observability.commands.console import run
from agent_observability.main import main
from agent_observability.telemetry import LangfuseBaggageSpanProcessor
stamp = LangfuseBaggageSpanProcessor.on_start
def on_start(processor, span, parent_context=None):
    if span.parent is None:
        stamp(processor, span, parent_context)
LangfuseBaggageSpanProcessor.on_start = on_start
sys.exit(run(main))
"""


@pytest.fixture(name="late")
def _late(tmp_path: Path) -> Iterator[Run]:
    """Run modules in a folder of its own, against a backend that shows spans after 3 s."""
    with late_run(tmp_path, spans=3.0, scores=7.0) as run:
        yield run


@pytest.fixture(name="hidden")
def _hidden(tmp_path: Path) -> Iterator[Run]:
    """Run modules against a backend that shows nothing for a minute."""
    with late_run(tmp_path, spans=60.0, scores=60.0) as run:
        yield run


@contextmanager
def late_run(folder: Path, *, spans: float, scores: float) -> Iterator[Run]:
    """Run a backend with these delays, and a checkout."""
    (folder / "root_only.py").write_text(ROOT_ONLY)
    delays = {
        "langfuse_local_span_delay_seconds": spans,
        "langfuse_local_score_delay_seconds": scores,
    }
    with running(folder / "backend", **delays) as backend:
        yield Run(folder, backend)


def look(late: Run, *arguments: str, **changes: str) -> Result:
    """Run a command of the checks in this process, which takes no second to start."""
    environment = {
        "AGENT_DATA_DIR": str(late.folder / ".data"),
        "LANGFUSE_BASE_URL": late.backend.web,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": late.backend.otlp,
        "PYTHONPATH": str(ROOT / "src"),
        **changes,
    }
    return CliRunner().invoke(app, arguments, env=environment)


def red(output: str) -> int:
    """Return how many promises are broken."""
    return len(re.findall("^FAIL", output, re.MULTILINE))


def healthy(late: Run) -> None:
    """Two turns, then verify: green, with all of their spans."""
    for module in (MAIN, MAIN):
        assert late(module).returncode == 0
    done = look(late, "verify")
    assert done.exit_code == 0, done.stdout
    traces = int(re.findall(r"(\d+) traces", done.stdout)[0])
    assert f"all {13 * traces} spans" in done.stdout
    assert f"{13 * traces}/{13 * traces}" in done.stdout
    assert (done.stderr, red(done.stdout)) == ("", 0)


def root_only_after_healthy(late: Run) -> None:
    """Two healthy turns and two that stamp the root alone, then verify: the drill's six are red."""
    for module in (MAIN, MAIN, "root_only", "root_only"):
        assert late(module).returncode == 0
    done = look(late, "verify")
    assert done.exit_code == 1, done.stdout
    assert red(done.stdout) == 6, done.stdout
    assert "all 52 spans" in done.stdout


def drill(late: Run) -> None:
    """The drill itself says what its table says."""
    done = look(late, "drill", "root-only")
    assert done.exit_code == 0, done.stdout
    assert "Just what the table says" in done.stdout


def cohort(late: Run) -> None:
    """A cohort, its feedback, users and sessions: every user, token, dollar and opinion."""
    sent = late("agent_observability.commands.cohort", "--users", "25")
    assert sent.returncode == 0, sent.stderr
    turns = int(re.findall(r"turns +(\d+) ", sent.stdout)[0])
    opinions = int(re.findall(r"feedback +(\d+) in", sent.stdout)[0])
    users, feedback = (look(late, *a) for a in (("users",), ("feedback", "--cohort")))
    assert (users.exit_code, feedback.exit_code) == (0, 0), users.stdout + feedback.stderr
    reports = [look(late, name) for name in ("users", "sessions")]
    for done in reports:
        assert done.exit_code == 0, done.stdout
        given = re.findall(r"(\d+) up, (\d+) down", done.stdout)
        assert sum(int(up) + int(down) for up, down in given) >= opinions
    listed = [line.split() for line in users.stdout.splitlines() if line.startswith("usr_")]
    assert len({line[0] for line in listed}) >= 25
    assert sum(int(line[2]) for line in listed) == turns
    assert "Negative feedback: none" not in reports[0].stdout


def feedback_then_verify(late: Run) -> None:
    """A score that is not waited for when it is sent is waited for by verify."""
    for module in (MAIN, MAIN):
        assert late(module).returncode == 0
    for value in ("up", "down"):
        sent = look(late, "feedback", CHECK_VALUE=value, CHECK_WAIT="0")
        assert sent.exit_code == 2
        assert re.search(
            r"^Not all of it: 1 of 1 score sent \d+ s ago is not readable yet: ", sent.stdout, re.M
        )
    done = look(late, "verify")
    assert done.exit_code == 0, done.stdout
    assert re.search("^ok +feedback is readable on the session +1 score$", done.stdout, re.M)
    with late.backend.api() as api:
        assert [score.value for score in api.scores(name="user-feedback")] == [0]


ROUNDS = (healthy, root_only_after_healthy, drill, cohort, feedback_then_verify)


@pytest.mark.parametrize("at_once", ROUNDS, ids=lambda function: function.__name__)
def test_at_once(late: Run, at_once: Callable[[Run], None]) -> None:
    """Each command waits for what was sent before it, and is right."""
    at_once(late)


@pytest.mark.soak
@pytest.mark.parametrize("at_once", ROUNDS, ids=lambda function: function.__name__)
def test_twenty_times_as_late_as_langfuse(tmp_path: Path, at_once: Callable[[Run], None]) -> None:
    """Spans after three seconds, scores after seven, twenty times in a row in fresh folders."""
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        with late_run(folder, spans=3.0, scores=7.0) as run:
            at_once(run)


def test_what_has_not_come_is_said(hidden: Run) -> None:
    """Without patience nothing is green, nothing is ranked without a word, and no link is sure."""
    for module in (MAIN, MAIN):
        assert hidden(module).returncode == 0
    for command in ("verify", "users", "sessions", "arrival"):
        done = look(hidden, command, CHECK_WAIT="1")
        assert done.exit_code == 2, command
        assert re.search(r"26 of 26 spans sent \d+ s ago are not readable yet", done.stdout)
        assert "WAIT=60" in done.stdout
        if command == "verify":
            assert len(re.findall("^ok", done.stdout, re.MULTILINE)) == 4  # The backend's own.
            assert red(done.stdout) == 0
    drill = look(hidden, "drill", "double-usage", CHECK_WAIT="1")
    assert drill.exit_code == 2
    assert "table says" not in drill.stdout


def test_the_links_are_waited_for(late: Run) -> None:
    """After a turn, the command that make runs returns once its trace can be read; in silence."""
    assert late(MAIN).returncode == 0
    done = look(late, "arrival")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    with late.backend.api() as api:
        assert len(api.observations()) == 13


def test_links_of_a_backend_that_cannot_be_asked(late: Run) -> None:
    """Spans were delivered: that the links cannot be tried is said, and is no failure."""
    assert late(MAIN).returncode == 0
    done = look(late, "arrival", LANGFUSE_SECRET_KEY="wrong")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("Whether the links open yet cannot be seen. ")


def test_a_score_alone_is_late(tmp_path: Path) -> None:
    """What waits for feedback is unchecked, and the rest is not."""
    with late_run(tmp_path, spans=0, scores=60.0) as run:
        for module in (MAIN, MAIN):
            assert run(module).returncode == 0
        assert look(run, "feedback", CHECK_VALUE="up", CHECK_WAIT="0").exit_code == 2
        done = look(run, "verify", CHECK_WAIT="0")
    assert done.exit_code == 2
    unchecked = re.findall(r"^\?.*", done.stdout, re.MULTILINE)
    assert len(unchecked) == 2
    for line in unchecked:
        assert re.search(r"1 of 1 score sent \d+ s ago is not readable yet", line)


LOSSES = {
    "the generation": (
        "id = (SELECT s.id FROM spans s JOIN strings n ON n.id = s.name"
        " WHERE n.value LIKE 'chat %' ORDER BY s.id DESC LIMIT 1)"
    ),
    "all but one": "id IN (SELECT id FROM spans ORDER BY id DESC LIMIT 11)",
    "a whole trace": "id IN (SELECT id FROM spans ORDER BY id DESC LIMIT 1)",
}
"""Conditions of the spans that are lost, each besides those before it, and all of one trace."""


def test_what_will_never_come_is_noticed(tmp_path: Path) -> None:
    """Spans that were taken and are not there: never green; red once they are too old to come."""
    with late_run(tmp_path, spans=0, scores=0) as run:
        for _ in range(3):
            assert run(MAIN).returncode == 0
        for condition, count in zip(LOSSES.values(), (1, 12, 13), strict=True):
            change(run.backend.database, f"DELETE FROM spans WHERE {condition}")
            assert_missing(run, count, "[?]", "not readable yet", code=2)
            change(run.folder / ".data" / FILE, "UPDATE traces SET sent = sent - 600")
            assert_missing(run, count, "FAIL", "not there", code=1)
            change(run.folder / ".data" / FILE, "UPDATE traces SET sent = sent + 600")


def assert_missing(run: Run, count: int, mark: str, words: str, *, code: int) -> None:
    """Verify says in its row that spans are missing, nothing of them is ok, and users says it."""
    done = look(run, "verify", CHECK_WAIT="0")
    assert done.exit_code == code, done.stdout
    missing = rf"{count} of 39 spans sent \d+ \w+ ago {'is' if count == 1 else 'are'} {words}"
    row = rf"^{mark} +all that was sent can be read +{missing}"
    assert re.search(row, done.stdout, re.MULTILINE), done.stdout
    assert len(re.findall("^ok", done.stdout, re.MULTILINE)) == 4  # The backend's own.
    users = look(run, "users", CHECK_WAIT="0")
    assert users.exit_code == 2
    assert re.search(f"^Not all of it: {missing}: ", users.stdout, re.MULTILINE)


def change(database: Path, statement: str) -> None:
    """Change rows behind the back of whoever has the file open."""
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount


@pytest.fixture(name="copy")
def _copy(run: Run, tmp_path: Path) -> Run:
    """Return the run with two turns and a conversation, and receipts that a test may change."""
    shutil.copytree(run.folder / ".data", tmp_path / ".data")
    return Run(tmp_path, run.backend)


def test_without_receipts_it_says_so(late: Run) -> None:
    """Verify looks until two looks agree, is green on what it saw, and claims no more."""
    for module in (MAIN, MAIN):
        assert late(module).returncode == 0
    (late.folder / ".data" / FILE).unlink()
    done = look(late, "verify")
    assert done.exit_code == 0, done.stdout
    row = r"^\? +all that was sent can be read +no receipt says what was sent: more may be on its way$"
    assert re.search(row, done.stdout, re.MULTILINE)
    assert "26/26" in done.stdout
    users = look(late, "users")
    assert users.exit_code == 0
    assert users.stderr == "No receipt says what was sent: more may be on its way.\n"


def test_a_turn_that_was_meant_for_the_session(copy: Run) -> None:
    """A turn whose spans name another session is red, for its receipt names this one."""
    demo = "(SELECT session FROM traces WHERE number = 1)"
    change(copy.folder / ".data" / FILE, f"UPDATE traces SET session = {demo}")
    done = look(copy, "verify")
    assert done.exit_code == 1
    assert re.search("^FAIL +every observation carries the session +26/", done.stdout, re.MULTILINE)


def test_another_sessions_loss_is_not_this_ones(copy: Run) -> None:
    """Verify waits for its own session's spans alone; the reports wait for all of them."""
    change(
        copy.folder / ".data" / FILE,
        "UPDATE traces SET spans = 99 WHERE number = (SELECT max(number) FROM traces)",
    )
    assert look(copy, "verify", CHECK_WAIT="0").exit_code == 0
    assert look(copy, "sessions", CHECK_WAIT="0").exit_code == 2


def test_a_damaged_file_of_receipts(copy: Run) -> None:
    """One sentence, and then as if there were none."""
    path = copy.folder / ".data" / FILE
    path.write_bytes(b"damaged" * 1000)
    done = look(copy, "verify")
    assert done.exit_code == 0
    sentence = (
        f"Without receipts: {path} cannot be used (file is not a database);"
        " delete it, or see who else has it open."
    )
    assert set(done.stderr.splitlines()) == {sentence}
    assert "no receipt says" in done.stdout
