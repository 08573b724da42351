"""The LangChain example with each instrumentation, read back from the backend."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Nobody has given feedback, and only this project's own commands leave receipts.
UNASKED = {"arrived", "feedback"}


@pytest.mark.parametrize("instrumentation", ["openinference", "opentelemetry"])
def test_spans_of_an_instrumentation_carry_the_context(
    backend: Any, tmp_path: Path, instrumentation: str
) -> None:
    """Two runs are one session; every span that LangChain makes has the whole context."""
    session = f"conv_{instrumentation}"
    for _ in range(2):
        done = subprocess.run(
            [
                sys.executable,
                str(ROOT / "examples/langchain_agent/main.py"),
                instrumentation,
                session,
            ],
            cwd=tmp_path,
            env=backend.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == "Your parcel left Rotterdam this morning.\n"
    rows = backend.rows(session)
    assert sum(row["isRootObservation"] for row in rows) == 2
    assert {row["userId"] for row in rows} == {"usr_pseudo_7f31c2"}
    assert sum(row["type"] == "GENERATION" for row in rows) == 4
    statuses = backend.verify(session, "usr_pseudo_7f31c2")
    assert {name for name, status in statuses.items() if status != "kept"} <= UNASKED
