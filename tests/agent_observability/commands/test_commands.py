"""The commands as a reader runs them: own processes, a real endpoint, real files."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_observability.commands import ask
from agent_observability.commands.turn import Question
from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[3]
SESSION = "langfuse.session.id"
WORKFLOW = "langfuse.trace.metadata.workflow"


@pytest.fixture(name="sink")
def _receiver() -> Iterator[Sink]:
    with sink("accepts") as receiver:
        yield receiver


def command(
    sink: Sink, folder: Path, module: str, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a module of the application in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", f"agent_observability.{module}", *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.endpoint,
            **variables,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_second_process_knows_what_the_first_said(sink: Sink, tmp_path: Path) -> None:
    """Asked twice, the agent says so; after a reset it has forgotten; other options change who asks."""
    first = command(sink, tmp_path, "main").stdout.splitlines()
    second = command(sink, tmp_path, "main").stdout.splitlines()
    assert first[:2] == second[:2] == ["answered", ""]
    assert second[2] == f"Nothing has changed since you last asked. {first[2]}"
    reset = command(sink, tmp_path, "commands.reset")
    assert (
        reset.stdout == "The agent has forgotten its conversations and handoffs. Traces are kept.\n"
    )
    assert command(sink, tmp_path, "main").stdout.splitlines()[:3] == first[:3]


def test_a_reset_of_the_traces_forgets_what_was_noted_of_them(sink: Sink, tmp_path: Path) -> None:
    """`make reset TRACES=1` leaves nothing that speaks of traces which are gone."""
    (tmp_path / ".data").mkdir()
    noted = [tmp_path / ".data" / name for name in ("receipts.db", "feedback.jsonl")]
    for path in noted:
        path.touch()
    assert command(sink, tmp_path, "commands.reset").returncode == 0
    assert all(path.exists() for path in noted)
    reset = command(sink, tmp_path, "commands.reset", RESET_TRACES="1")
    assert reset.stdout == "The agent has forgotten its conversations and handoffs.\n"
    assert not any(path.exists() for path in noted)


def test_the_conversation_is_three_traces_of_one_session(sink: Sink, tmp_path: Path) -> None:
    """The escalating turn is still an order-status one; what follows in it is a handoff."""
    printed = command(sink, tmp_path, "commands.conversation").stdout
    assert printed.count("Customer  ") == printed.count("Agent     ") == 3
    assert [line.strip() for line in printed.splitlines() if line.endswith(")")] == [
        "(answered)",
        "(answered)",
        "(escalated)",
    ]
    assert "HANDOFF-1001" in printed
    (session,) = set(sink.values(SESSION))
    assert len({span.trace_id for span in sink.spans}) == 3
    assert sink.values(WORKFLOW) == ["order-status"] * 3
    command(sink, tmp_path, "commands.ask", "--conversation", session)
    assert sink.values(WORKFLOW)[-1] == "handoff"
    command(sink, tmp_path, "main")
    assert sink.values(WORKFLOW)[-1] == "order-status"


def test_ask_takes_its_values_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a question looks like, it is data; nothing set is the chapter's turn."""
    assert ask.question([]) == Question()
    monkeypatch.setenv("ASK_QUERY", "--help $(id) `id` \"'")
    monkeypatch.setenv("ASK_ORDER", "")
    monkeypatch.setenv("ASK_CONVERSATION", "conv_1")
    assert ask.question([]) == Question("--help $(id) `id` \"'", conversation_id="conv_1")


def test_ask_without_arguments_is_the_chapters_turn(sink: Sink, tmp_path: Path) -> None:
    """The same session, user and answer as the demo."""
    asked = command(sink, tmp_path, "commands.ask")
    assert asked.stdout.startswith("answered\n\nYour order ORDER-924 is delayed")
    assert sink.values(SESSION) == ["conv_82d9535867844b4c8cdff"]


@pytest.mark.parametrize("module", ["ask", "conversation", "cohort", "reset", "resend"])
def test_help_does_nothing_else(module: str, sink: Sink, tmp_path: Path) -> None:
    """Somebody who asks what a command does has not yet asked it to do that."""
    kept = tmp_path / ".data" / "conversations.db"
    kept.parent.mkdir()
    kept.touch()
    asked = command(sink, tmp_path, f"commands.{module}", "--help")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith(f"usage: python -m agent_observability.commands.{module}")
    assert not sink.values(SESSION)
    assert kept.exists()


def test_make_runs_nothing_in_a_question(tmp_path: Path) -> None:
    """Backticks, quotes and make's own functions reach Python as they were typed."""
    recipe = tmp_path / "Makefile"
    text = (ROOT / "Makefile").read_text().replace("ask: .venv/.demo", "ask:")
    for before_and_after in ("langfuse_local ensure", "langfuse_checks arrival"):
        text = text.replace(f"$(PYTHON) -m {before_and_after}", ":")
    recipe.write_text(text)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf %s "$ASK_QUERY"\n')
    python.chmod(0o755)
    question = "a `touch x` $(shell touch x) $HOME \"b\" 'c' \\ ; # d"
    made = subprocess.run(
        ["make", "-f", str(recipe), f"PYTHON={python}", "ask", f"Q={question}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert made.stdout == question
    assert not (tmp_path / "x").exists()


def test_another_actor_is_another_conversation(sink: Sink, tmp_path: Path) -> None:
    """Without a conversation of its own, another user would end up in the demo's session."""
    asked = command(
        sink, tmp_path, "commands.ask", "--actor=usr_pseudo_b2c904", "--query=Where is it?"
    )
    assert asked.stdout.startswith("answered\n\nYour order ORDER-311")
    assert sink.values(SESSION) != ["conv_82d9535867844b4c8cdff"]
    denied = command(sink, tmp_path, "commands.ask", "--query=Where is ORDER-311?").stdout
    assert denied.startswith("denied\n\nI cannot find that order among yours.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--query="], "The query is empty"),
        (["--query=" + "secret" * 1000], "The query is longer than 4,000 characters"),
        (["--actor=secret@example.com"], "user_id"),
        (["--conversation=secret secret"], "session_id"),
        (["--region=secret"], "invalid choice"),
    ],
)
def test_bad_input_is_a_sentence(
    options: list[str], sentence: str, sink: Sink, tmp_path: Path
) -> None:
    """Exit code 2, no traceback, and no span of a turn that did not start."""
    refused = command(sink, tmp_path, "commands.ask", *options)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sink.spans == []


@pytest.mark.parametrize("module", ["main", "commands.conversation"])
def test_a_damaged_database_is_a_sentence(module: str, sink: Sink, tmp_path: Path) -> None:
    """Exit code 1, one line that says what to do, and the file as it was; reset repairs it."""
    path = tmp_path / ".data" / "conversations.db"
    path.parent.mkdir()
    path.write_bytes(b"damaged" * 1000)
    failed = command(sink, tmp_path, module)
    assert failed.returncode == 1
    assert failed.stderr == (
        "The database .data/conversations.db is damaged;"
        " move it away to keep it, or let `make reset` delete it.\n"
    )
    assert path.read_bytes() == b"damaged" * 1000
    assert command(sink, tmp_path, "commands.reset").returncode == 0
    assert command(sink, tmp_path, module).returncode == 0


def test_a_reader_that_leaves_is_no_error(sink: Sink, tmp_path: Path) -> None:
    """`make demo | head -1` ends without a traceback."""
    script = f"'{sys.executable}' -m agent_observability.commands.conversation | head -1"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.endpoint,
    }
    ran = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "Customer  Where is my order?\n"
    assert ran.stderr == ""


def test_a_cohort_has_everything_and_loses_nothing(sink: Sink, tmp_path: Path) -> None:
    """Every outcome, region, tier and both versions; as many spans arrive as were made."""
    ran = command(sink, tmp_path, "commands.cohort")
    assert (ran.returncode, ran.stderr) == (0, "")
    outcomes = Counter(sink.values("langfuse.observation.metadata.outcome"))
    assert set(outcomes) == {"answered", "denied", "not_found", "escalated", "unavailable"}
    prefix = "langfuse.trace.metadata."
    assert set(sink.values(f"{prefix}region")) == {"eu", "us", "global"}
    assert set(sink.values(f"{prefix}tenant_tier")) == {"free", "team", "enterprise"}
    assert set(sink.values(WORKFLOW)) == {"order-status", "handoff"}
    assert set(sink.values("langfuse.version")) == {"1.4.0", "1.5.0"}
    assert len(set(sink.values("langfuse.user.id"))) == 25
    assert f"created   {len(sink.spans)} spans" in ran.stdout
    assert f"{len(sink.spans)} delivered, 0 failed, 0 dropped" in ran.stdout
    traces = {span.trace_id.hex() for span in sink.spans}
    lines = (tmp_path / ".data" / "feedback.jsonl").read_text().splitlines()
    assert lines
    assert {json.loads(line)["trace_id"] for line in lines} <= traces


def test_a_cohort_is_reproducible(sink: Sink, tmp_path: Path) -> None:
    """The same seed makes the same users, conversations and answers, another seed others."""
    populations = []
    for seed in ("7", "7", "8"):
        sink.resource_spans.clear()
        command(sink, tmp_path, "commands.cohort", COHORT_USERS="20", COHORT_SEED=seed)
        names = ("langfuse.user.id", SESSION, "langfuse.version", "langfuse.observation.output")
        populations.append([sink.values(name) for name in names])
    assert populations[0] == populations[1]
    assert populations[0] != populations[2]
