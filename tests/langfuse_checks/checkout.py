"""Runs the project's commands as a reader does, each in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from backends import Backend

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """Runs a module of the project in a folder of its own."""

    folder: Path
    backend: Backend

    def __call__(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Without the reader's own settings; changes are environment variables."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {
            **kept,
            "PYTHONPATH": str(ROOT / "src"),
            "LANGFUSE_BASE_URL": self.backend.web,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": self.backend.otlp,
            **changes,
        }
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
