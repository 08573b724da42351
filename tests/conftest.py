"""What every test may rely on: an environment without the reader's own settings."""

import os
import signal

import pytest

pytest_plugins = ["support.not_run"]

_PREFIXES = (
    "AGENT_",
    "ASK_",
    "CAPTURE_",
    "CARRIER_",
    "COHORT_",
    "CONTEXT_",
    "DEPLOYMENT_",
    "LANGCHAIN_",
    "LANGFUSE_",
    "LANGSMITH_",
    "MODEL",
    "OPENAI_",
    "OTEL_",
    "REFUND_",
    "STEP_",
    "TELEMETRY_",
    "TRACE_",
)


def pytest_configure() -> None:
    """Take Ctrl-C as a foreground job does: a shell's background job ignores it, and some tests press it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_PREFIXES) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name in ("CARRIER_DELAY_SECONDS", "MODEL_DELAY_SECONDS", "STEP_DELAY_SECONDS"):
        monkeypatch.setenv(name, "0")
