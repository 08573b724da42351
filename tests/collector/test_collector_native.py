"""`make demo COLLECTOR=native`: the chapter's whole path without Docker, as a reader runs it."""

import json
import os
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collector_process import free_ports, wait_until

from langfuse_checks.drills.table import DRILLS

ROOT = Path(__file__).resolve().parents[2]
SESSION = "conv_82d9535867844b4c8cdff"


class Checkout:
    """A folder to run commands in, with ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web, spans, grpc, health, self.metrics, queue, relay = free_ports(7)
        self.environment = {
            **os.environ,
            "PATH": str(folder),  # Without docker: `down` must not stop the reader's own stack.
            "PYTHONPATH": str(ROOT / "src"),
            "LANGFUSE_BASE_URL": f"http://localhost:{self.web}",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://localhost:{spans}/v1/traces",
        }
        (folder / ".env").write_text(
            f"OTELCOL_GRPC_ENDPOINT=127.0.0.1:{grpc}\n"
            f"OTELCOL_HEALTH_ENDPOINT=127.0.0.1:{health}\n"
            f"OTELCOL_METRICS_PORT={self.metrics}\n"
            f"OTELCOL_QUEUE_ENDPOINT=127.0.0.1:{queue}\n"
            f"OTELCOL_RELAY_PORT={relay}\n"
        )

    def run(self, *module: str) -> str:
        """Run `python -m ...`, which must succeed, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self) -> list[dict[str, Any]]:
        """Return the session's rows from the public API."""
        path = f"/api/public/v2/observations?sessionId={SESSION}&limit=100"
        request = urllib.request.Request(f"http://localhost:{self.web}{path}")
        keys = b64encode(b"pk-lf-demo:sk-lf-demo").decode()
        request.add_header("Authorization", f"Basic {keys}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["data"]
            return rows


@pytest.fixture
def checkout(binary: Path, tmp_path: Path) -> Iterator[Checkout]:
    """Return a folder in which nothing is left running."""
    assert binary.exists()
    made = Checkout(tmp_path)
    yield made
    made.run("langfuse_stack", "down")
    made.run("langfuse_local", "stop")


def test_the_demo_runs_through_the_collector(checkout: Checkout) -> None:
    """A local backend that was running gives way to one behind the Collector; its data stays."""
    checkout.run("langfuse_local", "ensure")
    checkout.run("agent_observability.main")
    checkout.run("langfuse_stack", "native")
    assert ", through http://localhost:" in checkout.run("langfuse_local", "ensure")
    checkout.run("agent_observability.main")
    wait_until(lambda: len(checkout.rows()) == 26, "The second turn arrives")
    assert len({row["traceId"] for row in checkout.rows()}) == 2
    checkout.run("langfuse_stack", "native")  # Again: what runs is left alone.
    assert checkout.run("langfuse_stack", "status").startswith("waiting ")


def test_what_the_collector_holds_survives_make_down(checkout: Checkout) -> None:
    """Stopped with the backend away, started again: the turn arrives."""
    checkout.run("langfuse_stack", "native")
    checkout.run("langfuse_local", "stop")
    checkout.run("agent_observability.main")
    assert "stays queued" in checkout.run("langfuse_stack", "down")
    checkout.run("langfuse_stack", "native")
    wait_until(lambda: len(checkout.rows()) == 13, "The turn arrives")


def test_what_the_collector_gave_up_on_can_be_sent_again(checkout: Checkout) -> None:
    """Set aside as OTLP, moved into the spool, and sent once more: no span is left behind."""
    checkout.environment["OTELCOL_GIVE_UP_AFTER"] = "1s"
    checkout.run("langfuse_stack", "native")
    checkout.run("langfuse_local", "stop")
    checkout.run("agent_observability.main")
    aside = checkout.folder / ".data" / "collector" / "given-up" / "spans.jsonl"
    wait_until(lambda: aside.exists() and aside.stat().st_size > 0, "The turn is given up")
    wait_until(lambda: "aside    13 spans" in checkout.run("langfuse_stack", "status"), "All of it")
    del checkout.environment["OTELCOL_GIVE_UP_AFTER"]
    printed = checkout.run("langfuse_stack", "collect")
    assert printed.startswith("13 spans that the Collector gave up on are in the spool now.")
    assert checkout.run("langfuse_stack", "collect") == ""
    assert checkout.run("agent_observability.commands.resend").startswith("13 spans sent to ")
    wait_until(lambda: len(checkout.rows()) == 13, "The turn arrives")


def test_every_promise_holds_through_the_collector(checkout: Checkout) -> None:
    """`make verify` finds what the chapter promises."""
    checkout.run("langfuse_stack", "native")
    checkout.run("agent_observability.main")
    checkout.run("agent_observability.main")
    found = json.loads(checkout.run("langfuse_checks", "verify", "--json"))
    assert len(found["promises"]) > 20
    statuses = {promise["id"]: promise["status"] for promise in found["promises"]}
    assert statuses.pop("feedback") == "unchecked"  # Nobody has given any.
    assert set(statuses.values()) == {"kept"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "root-only" else pytest.mark.soak)
        for name, one in DRILLS.items()
        if not one.is_refused
    ],
)
def test_drills_break_the_same_through_the_collector(checkout: Checkout, name: str) -> None:
    """What a drill turns red on the local backend is red behind the Collector and its guard."""
    checkout.run("langfuse_stack", "native")
    assert "Just what the table says." in checkout.run("langfuse_checks", "drill", name)
