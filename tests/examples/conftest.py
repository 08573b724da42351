"""What the examples' tests share: a local backend, services on real ports, and verify."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / ".venv/bin/python"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Backend:
    """The local backend, and what runs against it."""

    folder: Path
    web: int = field(default_factory=free_port)
    otlp: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        """Both addresses, for the backend, the examples and the checks alike."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "LANGFUSE_BASE_URL": f"http://127.0.0.1:{self.web}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.otlp}",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{self.otlp}/v1/traces",
        }

    @contextmanager
    def running(self, *command: str, cwd: Path, port: int = 0) -> Iterator[None]:
        """Run a process until the block ends; wait until it listens on the port, if it has one."""
        with subprocess.Popen(command, cwd=cwd, env=self.environment) as process:
            try:
                for _ in range(300 if port else 0):
                    assert process.poll() is None, f"{command} ended"
                    with socket.socket() as client:
                        if client.connect_ex(("127.0.0.1", port)) == 0:
                            break
                    time.sleep(0.1)
                yield
            finally:
                process.terminate()
                process.wait(20)

    def rows(self, session: str) -> list[dict[str, Any]]:
        """Return the session's observations as the public API lists them."""
        fields = "core,basic,usage,trace_context,metadata,io"
        return self._get(f"v2/observations?sessionId={session}&fields={fields}")

    def scores(self, session: str) -> list[dict[str, Any]]:
        """Return the session's scores."""
        traces = {row["traceId"] for row in self.rows(session)}
        return [
            s for t in traces for s in self._get(f"v3/scores?traceId={t}&fields=details,subject")
        ]

    def wait_for(self, session: str, names: set[str]) -> list[dict[str, Any]]:
        """Wait until spans of these names have arrived."""
        for _ in range(100):
            rows = self.rows(session)
            if names <= {row["name"] for row in rows}:
                return rows
            time.sleep(0.1)
        raise AssertionError(f"{names} did not arrive; {[row['name'] for row in rows]} did")

    def verify(self, session: str, user: str) -> dict[str, str]:
        """Return the status of every promise about the session, by its id."""
        whose = ("--session", session, "--user", user)
        done = subprocess.run(
            [str(PROJECT), "-m", "langfuse_checks", "verify", "--json", *whose],
            cwd=self.folder,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout, done.stderr
        return {each["id"]: each["status"] for each in json.loads(done.stdout)["promises"]}

    def _get(self, path: str) -> list[dict[str, Any]]:
        headers = {"Authorization": "Basic cGstbGYtZGVtbzpzay1sZi1kZW1v"}
        url = f"http://127.0.0.1:{self.web}/api/public/{path}"
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            data: list[dict[str, Any]] = json.load(answer)["data"]
            return data


@pytest.fixture(name="backend")
def _backend(tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(tmp_path)
    with backend.running(
        str(PROJECT), "-m", "langfuse_local", "serve", cwd=tmp_path, port=backend.otlp
    ):
        yield backend


@pytest.fixture(name="serve")
def _serve(backend: Backend) -> Iterator[Callable[..., str]]:
    """Serve an ASGI application of a folder under `examples/`, and return its address."""
    with ExitStack() as stack:

        def serve(folder: str, application: str = "app:app") -> str:
            port = free_port()
            command = (sys.executable, "-m", "uvicorn", application, "--port", str(port))
            stack.enter_context(
                backend.running(*command, cwd=ROOT / "examples" / folder, port=port)
            )
            return f"http://127.0.0.1:{port}"

        yield serve
