"""The whole table of drills against a real local backend: each turns red what its row names."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends import Backend
from rich.console import Console

from agent_observability.commands.receipts import Receipts
from langfuse_checks.drills.runner import run_broken_turns, run_drill
from langfuse_checks.drills.table import DRILLS, REFUSED, drill_table, expected
from langfuse_checks.verify.evidence import Expected
from langfuse_checks.verify.promises import PROMISES

WAIT = 1.5  # seconds; the local backend stores before it answers


@pytest.fixture(name="wired", autouse=True)
def _wired(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "src"))
    monkeypatch.setenv("LANGFUSE_BASE_URL", backend.web)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", backend.otlp)
    monkeypatch.setenv("AGENT_DATA_DIR", str(tmp_path))
    yield
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_turns_red_what_its_row_names(backend: Backend, name: str, tmp_path: Path) -> None:
    """No promise more and none less, or the refusal; and it is said in words."""
    console = Console(record=True, width=200)
    receipts = Receipts(tmp_path, backend.web)
    with backend.api() as api:
        code = run_drill(
            name, api, receipts=receipts, wait_seconds=WAIT, on_wait=lambda _: None, console=console
        )
    output = console.export_text()
    assert code == 0, output
    assert DRILLS[name].complaint in output
    if DRILLS[name].is_refused:
        assert "Refused before it could travel" in output
    else:
        assert len(re.findall(r"^FAIL", output, re.MULTILINE)) == len(DRILLS[name].red)
        assert f"/sessions/{expected(name).session}" in output
        assert "cause  " in output
        assert "fix    " in output


def test_the_missing_cost_is_shown_where_it_is(backend: Backend, tmp_path: Path) -> None:
    """Root-only prints the session that lacks it, and the trace that has it."""
    console = Console(record=True, width=200)
    receipts = Receipts(tmp_path, backend.web)
    with backend.api() as api:
        run_drill(
            "root-only",
            api,
            receipts=receipts,
            wait_seconds=WAIT,
            on_wait=lambda _: None,
            console=console,
        )
    output = console.export_text()
    assert "/sessions/conv_drill_root-only lacks the cost of its turns" in output
    (trace,) = re.findall(r"/(traces/\w{32}) has it", output)
    assert "$0.0000" in backend.page(trace)


def test_drills_stay_in_their_own_sessions(backend: Backend) -> None:
    """After a drill, neither the demo's session nor its user has a row of it."""
    assert run_broken_turns("double-usage").exit_code == 0
    with backend.api() as api:
        assert api.some_observations(1, sessionId=Expected().session) == []
        assert api.some_observations(1, userId=Expected().user) == []


def test_a_refused_run_sends_nothing(backend: Backend) -> None:
    """The sentence names the field and not the value, and nothing is stored."""
    turns = run_broken_turns("email-user")
    assert turns.exit_code == REFUSED
    assert "user_id" in turns.errors
    assert "example.com" not in turns.errors
    with backend.api() as api:
        assert api.some_observations(1, sessionId=expected("email-user").session) == []


def test_the_table_names_promises_that_exist() -> None:
    """Every drill breaks a promise of verify, or is refused; all twelve are listed."""
    known = {promise.id for promise in PROMISES}
    assert len(DRILLS) == drill_table().row_count == 12
    for drill in DRILLS.values():
        assert drill.red <= known
