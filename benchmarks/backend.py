"""Measure the local backend and write benchmarks/backend.md; takes some minutes."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import backend_ingest
import backend_queries
from backend_load import ROOT

_RESULTS = Path(__file__).parent / "backend.md"
_PHOENIX = ROOT / ".tools/phoenix/bin/python"


def main() -> None:
    """Ingest first, which needs the quieter machine."""
    ratios = [*backend_ingest.measure(), *backend_queries.measure()]
    text = [
        "# The local backend",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores; arize-phoenix {_phoenix()}.",
        "",
        "| ratio of medians | measured | bar |",
        "|---|---|---|",
        *(f"| {one.name} | {one.value:.2f} | {one.bar} |" for one in ratios),
    ]
    _RESULTS.write_text("\n".join(text) + "\n")
    print("\n".join(text))


def _phoenix() -> str:
    asked = "import importlib.metadata as m; print(m.version('arize-phoenix'))"
    command = [str(_PHOENIX), "-c", asked]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
