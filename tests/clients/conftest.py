"""The local backend as its users run it: a process of its own, with the project's own Python."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
KEYS = ("pk-lf-demo", "sk-lf-demo")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Backend:
    """Where the backend answers."""

    web: str
    traces: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it, without what could lead it elsewhere."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        public, secret = KEYS
        return kept | {
            "LANGFUSE_BASE_URL": self.web,
            "LANGFUSE_HOST": self.web,
            "LANGFUSE_PUBLIC_KEY": public,
            "LANGFUSE_SECRET_KEY": secret,
            "NO_PROXY": "127.0.0.1",
        }

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Observations by the public API."""
        request = urllib.request.Request(f"{self.web}/api/public/v2/observations?{query}")
        keys = b64encode(":".join(KEYS).encode()).decode()
        request.add_header("Authorization", f"Basic {keys}")
        with _OPENER.open(request, timeout=30) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["data"]
        return rows


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend on free ports."""
    web, otlp = _free_port(), _free_port()
    started = Backend(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{otlp}/v1/traces")
    environment = started.environment | {
        "PYTHONPATH": str(ROOT / "src"),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": started.traces,
        "LANGFUSE_LOCAL_DATA_DIR": str(tmp_path_factory.mktemp("data")),
    }
    python = os.environ.get("BACKEND_PYTHON", str(ROOT / ".venv/bin/python"))
    process = subprocess.Popen([python, "-m", "langfuse_local", "serve"], env=environment, cwd=ROOT)
    try:
        _await(started, process)
        yield started
    finally:
        process.terminate()
        process.wait(30)


def _await(backend: Backend, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "The backend ended before it answered."
        try:
            _OPENER.open(f"{backend.web}/api/public/health", timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("The backend did not answer within 30 seconds.")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
