"""The local backend shows the same through the Collector as when it is asked directly."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from collector_process import QUICKLY, Collector, free_ports, running, wait_until

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "langfuse_local" / "contract" / "observations.json"
GROUPS = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"
SESSION = "conv_82d9535867844b4c8cdff"
KEYS = {"LANGFUSE_PUBLIC_KEY": "pk-lf-demo", "LANGFUSE_SECRET_KEY": "sk-lf-demo"}
GUARDED = re.compile(
    r"langfuse\.(?:trace\.)?metadata(?!\.(?:environment|workflow|region|tenant_tier)\")"
    r"|ai\.telemetry\.metadata|@|%40|order[-_ #]*[0-9]",
    re.IGNORECASE,
)
"""What the guard might touch, drawn wider than the guard's own patterns."""

CASES = [
    case["otlp"]
    for case in json.loads(RECORDED.read_text())
    if not GUARDED.search(json.dumps(case["otlp"]))
]


class Backend:
    """A local backend in a process of its own, without a listener on the Collector's port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.endpoint = f"{self.url}/api/public/otel"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for a block."""
        command = [sys.executable, "-m", "langfuse_local", "serve", "--no-otlp"]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                **KEYS,
                "PYTHONPATH": str(ROOT / "src"),
                "LANGFUSE_BASE_URL": self.url,
            },
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until(self._answers, "The local backend answers")
                yield
            finally:
                process.terminate()

    def _answers(self) -> bool:
        try:
            return bool(self.get("/api/public/health"))
        except OSError:
            return False

    def get(self, path: str) -> Any:
        """Read the public API."""
        with self._ask(path, None) as answer:
            return json.load(answer)

    def post(self, otlp: object) -> None:
        """Send OTLP/JSON as Langfuse takes it."""
        self._ask("/api/public/otel/v1/traces", json.dumps(otlp).encode()).close()

    def _ask(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(self.url + path, body)
        keys = b64encode(":".join(KEYS.values()).encode()).decode()
        request.add_header("Authorization", f"Basic {keys}")
        request.add_header("Content-Type", "application/json")
        return urllib.request.urlopen(request, timeout=10)

    def rows(self, query: str = "") -> dict[str, dict[str, Any]]:
        """Return every row of the API, by span id, but for when the backend stored it."""
        found = self.get(f"/api/public/v2/observations?limit=1000&fields={GROUPS}{query}")
        assert found["meta"].get("cursor") is None
        stored = {"createdAt", "updatedAt"}
        return {
            row["id"]: {key: value for key, value in row.items() if key not in stored}
            for row in found["data"]
        }


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """Run a backend without data."""
    (tmp_path / "backend").mkdir()
    made = Backend(tmp_path / "backend")
    with made.serving():
        yield made


def test_rows_are_equal_field_by_field(binary: Path, tmp_path: Path, backend: Backend) -> None:
    """The requests recorded for the contract, sent both ways: nothing is added, lost or changed."""
    assert len(CASES) > 60
    (tmp_path / "direct").mkdir()
    direct = Backend(tmp_path / "direct")
    with (
        direct.serving(),
        running(binary, tmp_path, backend.endpoint, KEYS, overlay=QUICKLY) as collector,
    ):
        for otlp in CASES:
            direct.post(otlp)
            assert collector.post(json.dumps(otlp).encode(), "application/json") == 200
        expected = direct.rows()
        wait_until(lambda: len(backend.rows()) >= len(expected), "Every row arrives")
        assert backend.rows() == expected


def _demo(collector: Collector, folder: Path) -> None:
    turn = subprocess.run(
        [sys.executable, "-m", "agent_observability.main"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{collector.http}/v1/traces",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (turn.returncode, turn.stderr) == (0, "")


def test_two_demos_are_one_session_with_two_traces(
    binary: Path, tmp_path: Path, backend: Backend
) -> None:
    """The chapter's promise through the real Collector: the whole context on every row."""
    with running(binary, tmp_path, backend.endpoint, KEYS) as collector:
        _demo(collector, tmp_path)
        _demo(collector, tmp_path)
        wait_until(lambda: len(backend.rows(f"&sessionId={SESSION}")) >= 16, "Both turns arrive")
    rows = backend.rows(f"&sessionId={SESSION}").values()
    assert len({row["traceId"] for row in rows}) == 2
    assert sum(row["isRootObservation"] for row in rows) == 2
    for row in rows:
        assert row["userId"] == "usr_pseudo_7f31c2"
        assert row["traceName"] == "order-status-turn"
        assert (row["version"], row["environment"]) == ("local", "development")
        assert row["tags"] == ["order-status", "langgraph"]
        assert row["metadata"]["environment"] == "development"
        assert row["metadata"]["workflow"] == "order-status"
        assert row["metadata"]["region"] == "eu"
        assert (row["totalCost"] > 0) == (row["type"] == "GENERATION")
