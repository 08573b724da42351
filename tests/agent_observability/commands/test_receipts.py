"""Receipts: what was sent is known to the next process, and a damaged file harms nobody."""

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agent_observability.commands import receipts
from agent_observability.commands.receipts import FILE, Receipts, SentScore, SentTrace
from support.otlp_sinks import sink

ROOT = Path(__file__).parents[3]
BACKEND = "http://localhost:3000"
TRACE = SentTrace("a" * 32, "conv_1", "usr_1", 13)


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Receipts:
    return Receipts(tmp_path / ".data", BACKEND)


def test_what_is_added_is_read_back(kept: Receipts) -> None:
    """Traces and scores, in order, and only the owner may read the file."""
    score = SentScore("s", "session", "conv_1", "up")
    kept.add_traces([TRACE])
    kept.add_scores([score])
    assert (list(kept.traces()), list(kept.scores())) == ([TRACE], [score])
    assert {path.name for path in kept.folder.iterdir()} == {FILE}
    assert (kept.folder / FILE).stat().st_mode & 0o777 == 0o600


def test_reading_leaves_no_file(kept: Receipts) -> None:
    """Without receipts there are none, and none are made."""
    assert (list(kept.traces()), list(kept.scores())) == ([], [])
    assert not kept.folder.exists()


def test_a_trace_is_counted_once(kept: Receipts) -> None:
    """The larger count stands, and what names nobody takes no name away."""
    for spans, session in ((5, ""), (13, "conv_1"), (13, "")):
        kept.add_traces([SentTrace("a" * 32, session, "", spans)])
    (trace,) = kept.traces()
    assert (trace.spans, trace.session) == (13, "conv_1")


def test_a_second_opinion_replaces_the_first(kept: Receipts) -> None:
    """A score of the same id is the last one that was sent."""
    for content in ("up", "down"):
        kept.add_scores([SentScore("s", "session", "conv_1", content)])
    assert [score.content for score in kept.scores()] == ["down"]


def test_each_backend_has_its_own(kept: Receipts) -> None:
    """By address, where this machine has one name."""
    kept.add_traces([TRACE])
    for address, count in (
        ("http://127.0.0.1:3000", 1),
        ("http://[::1]:3000", 1),
        ("http://me:secret@localhost:3000", 1),
        ("http://localhost:3001", 0),
        ("https://cloud.langfuse.com", 0),
    ):
        assert len(Receipts(kept.folder, address).traces()) == count, address


def test_a_period(kept: Receipts) -> None:
    """What was sent before it is not in it."""
    now = time.time()
    kept.add_traces([SentTrace("a", "s", "u", 1, now - 60), SentTrace("b", "s", "u", 1, now)])
    assert [trace.id for trace in kept.traces(since=now - 30)] == ["b"]


def test_they_are_bounded(kept: Receipts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week, and the newest so many."""
    monkeypatch.setattr(receipts, "_MOST", 100)
    old = time.time() - 8 * 24 * 3600
    kept.add_traces([SentTrace("old", "s", "u", 1, old)])
    assert list(kept.traces()) == []
    kept.add_traces([SentTrace(str(number), "s", "u", 1) for number in range(150)])
    assert [trace.id for trace in kept.traces()] == [str(number) for number in range(50, 150)]


@pytest.mark.parametrize(
    "damage", ["garbage", "half", "another table", "a text for a number", "folder", "unreadable"]
)
def test_a_damaged_file_is_ignored_with_a_sentence(
    kept: Receipts, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reading finds none, adding raises nothing, and both name the file and what to do."""
    path = kept.folder / FILE
    kept.add_traces([TRACE])
    if damage == "garbage":
        path.write_bytes(b"damaged" * 1000)
    elif damage == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 - 100])
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "unreadable":
        path.unlink()
        path.symlink_to(path)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(
                "ALTER TABLE traces RENAME COLUMN spans TO other"
                if damage == "another table"
                else "UPDATE traces SET spans = 'many'"
            )
        connection.close()
    assert list(kept.traces()) == []
    if damage != "a text for a number":
        kept.add_traces([TRACE])
    lines = capsys.readouterr().err.splitlines()
    assert lines
    for line in lines:
        assert line.startswith(f"Without receipts: {path} cannot be used (")
        assert line.endswith("delete it, or see who else has it open.")


def test_several_processes_at_once(kept: Receipts) -> None:
    """Each of six processes adds a hundred times, and nothing is lost."""
    code = (
        "import sys; from pathlib import Path\n"
        "from agent_observability.commands.receipts import Receipts, SentTrace\n"
        "for n in range(100):\n"
        f"    Receipts(Path(sys.argv[1]), {BACKEND!r}).add_traces("
        "[SentTrace(f'{sys.argv[2]}-{n}', 's', 'u', 1)])\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(kept.folder), str(number)],
            env={"PYTHONPATH": str(ROOT / "src")},
        )
        for number in range(6)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    assert len(kept.traces()) == 600


def _run(folder: Path, endpoint: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "agent_observability.main"),
        ("-m", "agent_observability.commands.ask", "--actor=usr_pseudo_b2c904"),
        ("-m", "agent_observability.commands.conversation"),
        ("-m", "agent_observability.commands.cohort", "--users=5"),
        ("-m", "langfuse_checks.drills.broken_turns", "root-only"),
    ],
    ids=lambda arguments: arguments[1].rpartition(".")[2],
)
def test_whatever_sends_leaves_a_receipt(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Every span that arrived is in the receipt of its trace, with the turn's session and user."""
    with sink("accepts") as receiver:
        done = _run(tmp_path, receiver.endpoint, *arguments)
        assert done.returncode == 0, done.stderr
        spans = Counter(span.trace_id.hex() for span in receiver.spans)
        sessions = set(receiver.values("langfuse.session.id"))
        users = set(receiver.values("langfuse.user.id"))
    traces = Receipts(tmp_path / ".data", BACKEND).traces()
    assert {trace.id: trace.spans for trace in traces} == spans
    assert {trace.session for trace in traces} == sessions
    assert {trace.user for trace in traces} == users


def test_an_interrupted_turn_leaves_one(tmp_path: Path) -> None:
    """What was sent before Ctrl-C is known, though not whose it was."""
    code = (
        "import os, signal, sys, time\n"
        "from agent_observability.commands.console import run\n"
        "from agent_observability.main import main\n"
        "from agent_observability.models.scripted import ScriptedChatModel\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def interrupted(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(10)\n"
        "ScriptedChatModel._generate = interrupted\n"
        "sys.exit(run(main))\n"
    )
    with sink("accepts") as receiver:
        assert _run(tmp_path, receiver.endpoint, "-c", code).returncode == 130
        (trace,) = Receipts(tmp_path / ".data", BACKEND).traces()
        assert (trace.spans, trace.session) == (len(receiver.spans), "")


def test_a_plain_provider_leaves_none(tmp_path: Path) -> None:
    """What exports as the SDK alone does prints its links, and writes nothing."""
    code = (
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from agent_observability.commands.console import print_links\n"
        "print_links(TracerProvider(), session_id='s', user_id='u')\n"
    )
    done = _run(tmp_path, "http://localhost:9/v1/traces", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / ".data").exists()


def test_a_turn_goes_on_without_receipts(tmp_path: Path) -> None:
    """A damaged file costs a sentence, never the answer, the links or the exit code."""
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / FILE).write_bytes(b"damaged" * 1000)
    with sink("accepts") as receiver:
        done = _run(tmp_path, receiver.endpoint, "-m", "agent_observability.main")
    assert done.returncode == 0
    assert "/traces/" in done.stdout
    assert done.stderr.startswith("Without receipts: ")
    assert done.stderr.count("\n") == 1
