"""Ctrl-C while a command is still being imported, which takes half a second, is a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "agent_observability.main": ("langgraph", "opentelemetry", "pydantic"),
    "agent_observability.commands.ask": ("langgraph", "opentelemetry", "pydantic"),
    "agent_observability.commands.conversation": ("langgraph",),
    "agent_observability.commands.cohort": ("langgraph",),
    "agent_observability.commands.reset": ("pydantic",),
    "agent_observability.commands.resend": ("opentelemetry",),
    "langfuse_checks": ("typer", "httpx2", "pydantic"),
    "langfuse_local": ("dotenv", "pydantic"),
    "langfuse_stack": ("psutil", "pydantic"),
}
NOWHERE = "http://127.0.0.1:9"
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only GNU's env blocks a signal: make test on Linux"
)
INTERRUPTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"


@pytest.mark.parametrize(
    ("command", "module"), [(name, module) for name, all_ in COMMANDS.items() for module in all_]
)
def test_interrupted_in_an_import(command: str, module: str, tmp_path: Path) -> None:
    """Exit code 130 and one line, at whichever import of whichever command it comes."""
    (tmp_path / f"{module}.py").write_text(INTERRUPTED)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            command,
            *(["status"] if command.endswith(("local", "stack")) else []),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tmp_path}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


@LINUX
@pytest.mark.parametrize("moment", [0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25])
@pytest.mark.parametrize("command", ["agent_observability.main", "langfuse_checks verify"])
def test_interrupted_while_it_starts(command: str, moment: float, tmp_path: Path) -> None:
    """The same as make starts it, from the very first moment, when Python itself is not up."""
    with subprocess.Popen(
        ["env", "--block-signal=INT", sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "LANGFUSE_BASE_URL": NOWHERE},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] in {"Interrupted.\n", ""}
    # Before env has blocked the signal, it ends env, which says nothing.
    assert process.returncode in {130, -signal.SIGINT}


@LINUX
@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("target", ["verify", "reset", "resend"])
def test_make_interrupted(target: str, moment: float, tmp_path: Path) -> None:
    """Ctrl-C goes to make and to what it runs: no traceback, and no exit code of success."""
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with subprocess.Popen(
        ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.demo", target],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LANGFUSE_BASE_URL": NOWHERE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert {line.split(":")[0] for line in said.splitlines()} <= {"Interrupted.", "make"}


def test_another_error_is_shown_as_ever(tmp_path: Path) -> None:
    """The traceback of a fault stays."""
    done = subprocess.run(
        [sys.executable, "-c", "1 / 0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError" in done.stderr
