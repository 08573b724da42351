"""`make test` ends with what it did not run, so that a green run is not taken for more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SUITE = """
import pytest
@pytest.mark.parametrize("number", range(3))
def test_collector(number): pytest.skip("the Collector is not built: make collector")
def test_browser(): pytest.skip("Chromium is missing: sudo apt-get install chromium")
@pytest.mark.soak
def test_long(): pass
def test_short(): pass
"""
SAID = (
    "Not run here: 3 tests, since the Collector is not built (make collector);"
    " 1 test, since Chromium is missing (sudo apt-get install chromium);"
    " 1 soak test (make soak);"
    " those beside other libraries (make interop); those by others' clients (make clients);"
    " those in services of their own (make examples)."
)


@pytest.fixture(name="suite")
def _suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = .\nmarkers = soak\naddopts = -p support.not_run -m 'not soak'\n"
    )
    return tmp_path


def run(suite: Path, *arguments: str) -> list[str]:
    """Run pytest there and return its lines."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=suite,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_the_last_line_says_what_was_not_run(suite: Path) -> None:
    """How many, why, and the command that would: one line below pytest's own last one."""
    lines = run(suite)
    assert lines[-1] == SAID
    assert "1 passed, 4 skipped" in lines[-2]


def test_a_part_of_the_suite_says_nothing(suite: Path) -> None:
    """Who names a file knows what else there is."""
    assert "1 passed" in run(suite, "test_suite.py")[-1]


def test_every_skip_names_a_command() -> None:
    """A reason reads `why: command`, in each test of this repository."""
    skips = [
        reason
        for path in TESTS.rglob("*.py")
        for reason in re.findall(r"(?:skip\(|_cannot\(|reason=)\s*f?\"(.*)\"", path.read_text())
    ]
    assert len(skips) > 4
    assert [reason for reason in skips if ": " not in reason] == []
