"""Whoever types the chapter's files over ours breaks nothing else, and is told what is missing."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAIN = Path(__file__).parent / "plain"
STEPS = ("langfuse_context.py", "telemetry.py", "main.py")


@dataclass(frozen=True)
class Checkout:
    """A copy of the sources, with ports of its own."""

    folder: Path
    environment: dict[str, str]

    def type_over(self, *names: str) -> None:
        """Replace files of ours by plain ones."""
        for name in names:
            shutil.copy(PLAIN / name, self.folder / "src/agent_observability" / name)

    def run(self, module: str, *arguments: str, code: int = 0) -> str:
        """Run a module and return everything that it printed."""
        ran = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
        )
        assert "Traceback" not in ran.stdout
        assert ran.returncode == code, ran.stdout
        return ran.stdout


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Iterator[Checkout]:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        web, otlp = (probe.getsockname()[1] for probe in probes)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "src"),
        "LANGFUSE_BASE_URL": f"http://localhost:{web}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{otlp}/v1/traces",
    }
    checkout = Checkout(tmp_path, environment)
    checkout.run("langfuse_local", "ensure")
    yield checkout
    checkout.run("langfuse_local", "stop")


def test_after_the_first_step_one_sentence_says_what_is_missing(checkout: Checkout) -> None:
    """Raw baggage is not stamped by our telemetry.py; the run says so and names that file."""
    checkout.type_over("langfuse_context.py")
    printed = checkout.run("agent_observability.main")
    assert printed.count("Spans lack the session that is in the baggage") == 1
    assert "telemetry.py" in printed
    assert "13 delivered" in printed


@pytest.mark.parametrize("steps", [STEPS[1:2], STEPS[:2], STEPS], ids=" ".join)
def test_two_demos_are_one_session(checkout: Checkout, steps: tuple[str, ...]) -> None:
    """The second file alone, the first two, and all three give a session that verify finds."""
    checkout.type_over(*steps)
    for _ in range(2):
        assert "answered\n" in checkout.run("agent_observability.main")
    verified = checkout.run("langfuse_checks", "verify")
    assert "FAIL" not in verified
    assert "no receipt says what was sent: more may be on its way" in verified
    assert not (checkout.folder / ".data/receipts.db").exists()


def test_every_other_command_works_with_all_three(checkout: Checkout) -> None:
    """Conversation, ask, cohort, users, sessions and the drills need no more than the chapter has.

    The two drills about unfit values need our langfuse_context.py, and say so.
    """
    checkout.type_over(*STEPS)
    conversation = checkout.run("agent_observability.commands.conversation")
    assert "(escalated)" in conversation
    assert "not counted: this telemetry.py" in conversation
    assert "/sessions/conv_" in conversation
    assert "answered" in checkout.run("agent_observability.commands.ask")
    assert "created   " in checkout.run("agent_observability.commands.cohort", "--users=2")
    checkout.run("langfuse_checks", "feedback", "--cohort")
    assert "usr_pseudo_7f31c2" in checkout.run("langfuse_checks", "users")
    assert "conv_" in checkout.run("langfuse_checks", "sessions")
    for name in ("root-only", "inside-node", "no-flush", "comma-tag", "double-usage"):
        assert "Just what the table says." in checkout.run("langfuse_checks", "drill", name)
    for name in ("email-user", "order-metadata"):
        refused = checkout.run("langfuse_checks", "drill", name, code=1)
        assert "langfuse_context.py does not check them" in refused
