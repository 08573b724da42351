"""However a cohort ends, it says so in a sentence and leaves no folder behind."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.otlp_sinks import Sink, sink

ROOT = Path(__file__).parents[3]


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Sink]:
    with sink("accepts") as receiver:
        yield receiver


def cohort(receiver: Sink, folder: Path, *, users: str = "5") -> "subprocess.Popen[str]":
    """Start a cohort whose temporary files are in a folder of the test's."""
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "agent_observability.commands.cohort"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.endpoint,
            "COHORT_USERS": users,
            "TMPDIR": str(folder / "tmp"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(folder: Path) -> list[str]:
    """Return the temporary files that are left."""
    return [path.name for path in (folder / "tmp").iterdir()]


def test_feedback_that_cannot_be_written_is_found_out_first(receiver: Sink, tmp_path: Path) -> None:
    """Exit 1 and a sentence, before a span is sent."""
    (tmp_path / ".data" / "feedback.jsonl").mkdir(parents=True)
    with cohort(receiver, tmp_path) as running:
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert errors.startswith(".data/feedback.jsonl cannot be written (Is a directory): ")
    assert len(errors.splitlines()) == 1
    assert receiver.spans == []
    assert left_behind(tmp_path) == []


def test_feedback_that_finds_the_disk_full_is_a_sentence(receiver: Sink, tmp_path: Path) -> None:
    """Exit 1 and a sentence, with nothing left of the memory."""
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "feedback.jsonl").symlink_to("/dev/full")
    with cohort(receiver, tmp_path, users="20") as running:
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "feedback.jsonl cannot be written (No space left on device)" in errors
    assert "Traceback" not in errors
    assert left_behind(tmp_path) == []


def test_a_full_disk_is_a_sentence(receiver: Sink, tmp_path: Path) -> None:
    """No file may grow beyond 20 kB: the memory cannot be made."""
    running = cohort(receiver, tmp_path)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (20_480, 20_480))
    with running:
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1
    assert left_behind(tmp_path) == []


def test_ctrl_c_is_a_word(receiver: Sink, tmp_path: Path) -> None:
    """Exit 130; what was sent is delivered, and the memory is gone."""
    with cohort(receiver, tmp_path, users="5000") as running:
        deadline = time.monotonic() + 40
        while not left_behind(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors.splitlines()[-1]) == (130, "Interrupted.")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("users", ["abc", "0", "10001", "9" * 5000, "1.5"])
def test_a_number_out_of_range_names_what_was_typed(
    users: str, receiver: Sink, tmp_path: Path
) -> None:
    """`make cohort USERS=abc` is told about USERS, in one line."""
    with cohort(receiver, tmp_path, users=users) as running:
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert errors == "USERS should be a whole number from 1 to 10,000.\n"
