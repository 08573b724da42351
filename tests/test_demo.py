"""The demo end to end: real processes, real sockets, a real file, as a reader runs it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[1]
SESSION = "conv_82d9535867844b4c8cdff"
FIELDS = "core,basic,usage,trace_context,metadata,io"


@dataclass(frozen=True)
class Checkout:
    """A folder to run the demo in, with ports of its own."""

    folder: Path
    web: int
    otlp: int

    def environment(self, **changes: str) -> dict[str, str]:
        """What a command is run with: this checkout's two addresses, plus the changes."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "LANGFUSE_BASE_URL": f"http://localhost:{self.web}",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{self.otlp}/v1/traces",
            **changes,
        }

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run python in the folder and return what it printed."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment(**changes),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def demo(self) -> str:
        """Do what `make demo` does and return what it prints."""
        ensured = self.run("-m", "langfuse_local", "ensure")
        turn = self.run("-m", "agent_observability.main")
        assert (ensured.returncode, turn.returncode) == (0, 0), ensured.stderr + turn.stderr
        assert turn.stderr == ""
        return ensured.stdout + turn.stdout

    def get(self, path: str) -> Any:
        """Read the public API with the demo's keys."""
        keys = b64encode(b"pk-lf-demo:sk-lf-demo").decode()
        request = Request(
            f"http://localhost:{self.web}{path}", headers={"Authorization": f"Basic {keys}"}
        )
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Iterator[Checkout]:
    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    checkout = Checkout(tmp_path, *ports)
    yield checkout
    checkout.run("-m", "langfuse_local", "stop")


def test_two_runs_are_one_session_with_two_traces(checkout: Checkout) -> None:
    """Every row of the session has the whole context, one root a trace, cost on generations only."""
    checkout.demo()
    checkout.demo()
    rows = checkout.get(f"/api/public/v2/observations?sessionId={SESSION}&fields={FIELDS}")["data"]
    assert len({row["traceId"] for row in rows}) == 2
    assert len(rows) == 26
    for row in rows:
        assert row["sessionId"] == SESSION
        assert row["userId"] == "usr_pseudo_7f31c2"
        assert row["traceName"] == "order-status-turn"
        assert (row["version"], row["environment"]) == ("local", "development")
        assert row["tags"] == ["order-status", "langgraph"]
        metadata = {key: row["metadata"][key] for key in ("environment", "workflow", "region")}
        assert metadata == {
            "environment": "development",
            "workflow": "order-status",
            "region": "eu",
        }
        assert (row["totalCost"] > 0) == (row["type"] == "GENERATION")
    roots = [row for row in rows if row["isRootObservation"]]
    assert len({row["traceId"] for row in roots}) == len(roots) == 2
    assert {row["input"] for row in roots} == {"Where is my order?"}
    assert sum(row["type"] == "GENERATION" for row in rows) == 2


def test_the_readme_shows_what_is_printed(checkout: Checkout) -> None:
    """The README's output block is the second run's, but for the ids and the port."""
    checkout.demo()
    printed = checkout.demo()
    block = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    trace = re.compile(r"\b[0-9a-f]{32}\b")
    assert trace.sub("ID", printed).replace(f":{checkout.web}", ":3000") == trace.sub("ID", block)


def test_a_piped_demo_ends(checkout: Checkout) -> None:
    """The backend that the demo leaves running does not hold the reader's pipe open."""
    command = f'"{sys.executable}" -m langfuse_local ensure | cat'
    piped = subprocess.run(
        command,
        shell=True,
        cwd=checkout.folder,
        env=checkout.environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert piped.stdout.startswith("backend")
    assert "started; stop it with: make down" in piped.stdout


def test_with_nothing_listening_the_outcome_is_printed(checkout: Checkout) -> None:
    """The agent has done its job: exit 0 within 5 s, and one line on what was not delivered."""
    began = time.monotonic()
    turn = checkout.run("-m", "agent_observability.main")
    assert time.monotonic() - began < 5
    assert turn.returncode == 0
    assert turn.stdout.startswith("answered\n")
    assert "/traces/" not in turn.stdout
    assert turn.stderr.count("\n") == 1
    assert "13 spans" in turn.stderr
    assert "not delivered" in turn.stderr
    assert f"http://localhost:{checkout.otlp}/v1/traces" in turn.stderr
    assert "make backend" in turn.stderr


def test_a_bad_setting_is_one_sentence(checkout: Checkout) -> None:
    """Exit code 2, the variable and what is allowed, no traceback."""
    turn = checkout.run("-m", "agent_observability.main", DEPLOYMENT_ENVIRONMENT="prod")
    assert turn.returncode == 2
    assert turn.stdout == ""
    assert turn.stderr.startswith("DEPLOYMENT_ENVIRONMENT should ")
    assert turn.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "module",
    [
        ("agent_observability.main",),
        ("langfuse_local", "ensure"),
        ("langfuse_checks", "verify"),
        ("langfuse_stack", "status"),
    ],
    ids=" ".join,
)
def test_an_env_file_in_another_encoding_is_one_sentence(
    checkout: Checkout, module: tuple[str, ...]
) -> None:
    """What an editor saved as UTF-16 is named, without a traceback, by every command."""
    (checkout.folder / ".env").write_text("AGENT_VERSION=1\n", encoding="utf-16")
    said = checkout.run("-m", *module)
    assert said.returncode in {1, 2}
    assert said.stderr == ".env should be a file of UTF-8 text that you may read.\n"


def test_ctrl_c_flushes_what_was_recorded(checkout: Checkout) -> None:
    """Interrupted in the model call: exit 130, and the spans up to there are stored."""
    assert checkout.run("-m", "langfuse_local", "ensure").returncode == 0
    driver = (
        "import os, signal, sys, time\n"
        "from agent_observability.commands.console import run\n"
        "from agent_observability.main import main\n"
        "from agent_observability.models.scripted import ScriptedChatModel\n"
        "def interrupted(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(10)  # Another thread may take the signal a moment before this one does.\n"
        "ScriptedChatModel._generate = interrupted\n"
        "sys.exit(run(main))\n"
    )
    turn = checkout.run("-c", driver)
    assert turn.returncode == 130
    assert "Traceback" not in turn.stderr
    rows = checkout.get(f"/api/public/v2/observations?sessionId={SESSION}&fields=basic")["data"]
    errors = {row["name"] for row in rows if row["level"] == "ERROR"}
    assert len(rows) == 10
    assert errors == {"chat order-model", "compose_answer", "invoke_agent order-status"}


def test_langsmith_gets_nothing(checkout: Checkout) -> None:
    """LANGSMITH_TRACING in the reader's shell sends no request anywhere."""
    assert checkout.run("-m", "langfuse_local", "ensure").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as sink:
        sink.settimeout(0.5)
        turn = checkout.run(
            "-m",
            "agent_observability.main",
            LANGSMITH_TRACING="true",
            LANGCHAIN_TRACING_V2="true",
            LANGSMITH_API_KEY="lsv2_test",
            LANGSMITH_ENDPOINT=f"http://127.0.0.1:{sink.getsockname()[1]}",
        )
        assert turn.stdout.startswith("answered\n")
        with pytest.raises(TimeoutError):
            sink.accept()


def test_a_proxy_in_the_environment_does_not_break_the_demo(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY cannot reach this machine's loopback, so it is not asked to."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert "/traces/" in checkout.demo()
