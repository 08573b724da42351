"""`make resend` against the local backend: real processes, a real file, each span once."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[3]
SESSION = "conv_82d9535867844b4c8cdff"


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        web, otlp = (probe.getsockname()[1] for probe in probes)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "LANGFUSE_BASE_URL": f"http://localhost:{web}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{otlp}/v1/traces",
        "TELEMETRY_SPOOL": "true",
    }
    yield environment
    python(tmp_path, environment, "-m", "langfuse_local", "stop")


def python(
    folder: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run python in the folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    """The session's observations at the backend."""
    address = environment["LANGFUSE_BASE_URL"]
    url = f"{address}/api/public/v2/observations?sessionId={SESSION}&fields=core,basic"
    keys = {"Authorization": "Basic cGstbGYtZGVtbzpzay1sZi1kZW1v"}
    with urlopen(Request(url, headers=keys), timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
    return found


def test_each_span_arrives_once(tmp_path: Path, environment: dict[str, str]) -> None:
    """A turn with nothing listening is spooled; resending it, even twice, stores it once.

    A proxy in the environment does not come between: it could not reach this machine's loopback.
    """
    turn = python(tmp_path, environment, "-m", "agent_observability.main")
    assert turn.returncode == 0
    assert "13 are kept for `make resend`" in turn.stderr
    [kept] = (tmp_path / ".data" / "spool").glob("*.jsonl")
    copy = kept.read_bytes()
    early = python(tmp_path, environment, "-m", "agent_observability.commands.resend")
    assert early.returncode == 1
    assert "0 spans sent" in early.stdout
    assert "13 left" in early.stdout
    assert python(tmp_path, environment, "-m", "langfuse_local", "ensure").returncode == 0
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    first = python(tmp_path, environment | proxy, "-m", "agent_observability.commands.resend")
    assert "13 spans sent" in first.stdout
    assert not list(kept.parent.iterdir())
    kept.write_bytes(copy)  # As if the first resend had been killed before it removed the file.
    assert (
        python(tmp_path, environment, "-m", "agent_observability.commands.resend").returncode == 0
    )
    found = rows(environment)
    assert len(found) == len({row["id"] for row in found}) == 13
