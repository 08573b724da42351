"""Langfuse's command line tool reads and writes the local backend unchanged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Backend

_CLI = Path(__file__).parents[2] / ".tools" / "clients" / "node_modules" / ".bin" / "langfuse"


def test_scores_and_reads(backend: Backend) -> None:
    """A score is created and listed; observations answer."""
    score = {"id": "cli", "name": "tone", "value": 0.75, "sessionId": "conv_cli"}
    _run(backend, "scores", "create", "--body-json", json.dumps(score))
    listed = _run(backend, "scores", "list", "--session-id", "conv_cli")
    assert [one["value"] for one in listed["data"]] == [0.75]
    assert "data" in _run(backend, "observations", "list", "--limit", "1")


def _run(backend: Backend, resource: str, action: str, *options: str) -> Any:
    command = [str(_CLI), "api", resource, action, *options, "--json"]
    done = subprocess.run(
        command, env=backend.environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    return answer.get("body", answer)
