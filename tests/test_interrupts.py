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


@pytest.mark.parametrize("command", ["agent_observability.main", "langfuse_checks"])
def test_interrupted_in_the_first_half_second(command: str, tmp_path: Path) -> None:
    """Whenever it comes after Python itself has started, nothing but that line is printed."""
    for moment in range(1, 6):
        with subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr
            while "sitecustomize" not in process.stderr.readline():
                assert process.poll() is None
            time.sleep(moment / 10 - 0.1)
            process.send_signal(signal.SIGINT)
            said = [line for line in process.stderr if not line.startswith("import time:")]
        assert (process.returncode, said) == (130, ["Interrupted.\n"])


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
