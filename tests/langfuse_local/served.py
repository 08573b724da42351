"""The backend as a process of its own, to be measured and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wire import free_port

import langfuse_local

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Served:
    """A running `serve`."""

    web: str
    otlp: str
    process: subprocess.Popen[str]


@contextmanager
def served(data_dir: Path, *prefix: str, **settings: str) -> Iterator[Served]:
    """Run it over the folder until the context ends; a prefix is a command that starts it."""
    web, otlp = free_port(), free_port()
    endpoint = f"http://127.0.0.1:{otlp}/v1/traces"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(langfuse_local.__file__).parents[1]),
        "LANGFUSE_BASE_URL": f"http://127.0.0.1:{web}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
        "LANGFUSE_LOCAL_DATA_DIR": str(data_dir),
        **settings,
    }
    command = [*prefix, sys.executable, "-m", "langfuse_local", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()  # It listens once it says so.
        try:
            yield Served(f"http://127.0.0.1:{web}", endpoint, process)
        finally:
            process.kill()
