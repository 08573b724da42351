"""A copy of the checkout in which `make` runs as a reader's would, in the engine's network."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import ROOT, Engine

from langfuse_stack import envfile

__all__ = ["TURN", "Checkout", "wait_until"]

TURN = 13
"""Spans of the chapter's turn."""

_FILES = ("collector", "src", "docker-compose.yml", "otel-collector-config.yaml", "Makefile")


class Checkout:
    """The copy: its commands, its settings and its containers."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        folder.mkdir()
        for name in (*_FILES, "requirements", "scripts"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        for name in (".venv", ".tools"):
            (folder / name).symlink_to(ROOT / name)

    def make(self, *arguments: str, fails: bool = False, stdin: str = "") -> str:
        """Run make, which must succeed or fail as told, and return what it printed."""
        done = self.engine.run("make", *arguments, cwd=self.folder, stdin=stdin)
        assert (done.returncode != 0) == fails, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def turn(self) -> str:
        """Run the chapter's turn without asking first whether Langfuse answers."""
        command = (".venv/bin/python", "-m", "agent_observability.main")
        done = self.engine.run(*command, cwd=self.folder, extra={"PYTHONPATH": "src"})
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start make in a session of its own, to which Ctrl-C can be sent."""
        # A run in the background may have been told to ignore it, and its children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            self.engine.inside("make", *arguments),
            cwd=self.folder,
            env=self.engine.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def compose(self, *arguments: str) -> str:
        """Run docker compose, which must succeed, and return what it prints."""
        return self.engine.docker("compose", *arguments, cwd=self.folder)

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine knows about a service's container."""
        container = self.compose("ps", "--all", "--quiet", service)
        found: dict[str, Any] = json.loads(self.engine.docker("inspect", container))[0]
        return found

    def change(self, name: str, value: str) -> str:
        """Change a variable in .env, or add it, and return the value before."""
        file = self.folder / ".env"
        lines = file.read_text().splitlines()
        others = [line for line in lines if not line.startswith(f"{name}=")]
        before = envfile.read(file).get(name, "")
        file.write_text("\n".join([*others, f"{name}={value}", ""]))
        return before

    def collected(self, metric: str) -> int:
        """Return one of the Collector's counts, by the beginning of its line."""
        done = self.engine.run("curl", "-sS", "http://127.0.0.1:8888/metrics")
        lines = [line for line in done.stdout.splitlines() if line.startswith(metric)]
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))

    def send(self, name: str) -> None:
        """Send a span of that name to the Collector."""
        span = {"traceId": "a1" * 16, "spanId": "b2" * 8, "name": name}
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        json_type = ("-H", "Content-Type: application/json", "-d", body)
        done = self.engine.run("curl", "-sSf", *json_type, "http://127.0.0.1:4318/v1/traces")
        assert done.returncode == 0, done.stdout

    def secret(self, name: str) -> str:
        """Return a value of .env."""
        return envfile.read(self.folder / ".env")[name]

    def spans(self) -> int:
        """Return how many of the demo's spans Langfuse holds."""
        return len(self.rows("limit=1000&sessionId=conv_82d9535867844b4c8cdff"))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return observations from the public API."""
        keys = f"{self.secret('LANGFUSE_PUBLIC_KEY')}:{self.secret('LANGFUSE_SECRET_KEY')}"
        url = f"http://127.0.0.1:3000/api/public/v2/observations?{query}"
        done = self.engine.run("curl", "-sS", "--max-time", "10", "-u", keys, url)
        assert done.stdout.startswith("{"), done.stdout
        rows: list[dict[str, Any]] = json.loads(done.stdout)["data"]
        return rows


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Poll until the condition holds, or fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.5)
