"""Values from make's command line reach a command as they were typed, and nothing else does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
TYPED = "`touch ran` $(touch ran) $$(shell touch ran) \"up\" 'down' ; touch ran é"


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a folder in which make's Python prints its CHECK_ variables."""
    for path in ("requirements/demo.txt", ".venv/.demo"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport json, os\n"
        "print(json.dumps({k: v for k, v in os.environ.items() if v and k[:6] == 'CHECK_'}))\n"
    )
    python.chmod(0o755)
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> dict[str, str]:
    """Return the CHECK_ variables that reach the command of a target."""
    done = subprocess.run(
        ["make", "-f", str(MAKEFILE), "PYTHON=./python", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    variables: dict[str, str] = json.loads(done.stdout)
    return variables


def test_what_is_typed_is_passed_on_and_not_run(folder: Path) -> None:
    """Backticks, quotes, dollars and semicolons are text, for the shell and for make."""
    variables = make(
        folder, "feedback", "VALUE=up", f"COMMENT={TYPED}", "SESSION=$(shell touch ran)"
    )
    assert variables == {
        "CHECK_VALUE": "up",
        "CHECK_COMMENT": TYPED,
        "CHECK_SESSION": "$(shell touch ran)",
    }
    assert not (folder / "ran").exists()


def test_the_readers_environment_is_not_taken_for_an_answer(folder: Path) -> None:
    """USER and NAME are set in many shells; only the command line counts."""
    environment = {"USER": "root", "NAME": "laptop", "SESSION": "s", "VALUE": "up", "WAIT": "1"}
    assert make(folder, "verify", **environment) == {}
    assert make(folder, "drill", "NAME=root-only", USER="root") == {"CHECK_DRILL": "root-only"}
    assert make(folder, "verify", "USER=usr_1", "SINCE=1h", "WAIT=60") == {
        "CHECK_USER": "usr_1",
        "CHECK_SINCE": "1h",
        "CHECK_WAIT": "60",
    }
