"""The server in the foreground: its settings, its ports, how it starts and stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from wire import JSON, ask, free_port, request_of, span

from langfuse_local.config import SettingsError, load_settings, local_port
from langfuse_local.ports import PortTakenError, listen

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Two free ports and a data folder, in the environment as settings."""
    web, otlp = free_port(), free_port()
    monkeypatch.setenv("LANGFUSE_BASE_URL", f"http://localhost:{web}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://localhost:{otlp}/v1/traces")
    monkeypatch.setenv("LANGFUSE_LOCAL_DATA_DIR", str(tmp_path / "data"))
    return web, otlp


@pytest.fixture
def serving(ports: tuple[int, int]) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, listening."""
    assert ports
    with subprocess.Popen(
        [sys.executable, "-m", "langfuse_local", "serve"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "backend  local, http://localhost:" in process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "langfuse_local", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("serving")
def test_answers_on_both_ports_at_every_loopback_address(ports: tuple[int, int]) -> None:
    """`localhost` may be 127.0.0.1 or ::1: both are answered, on the web and the OTLP port."""
    web, otlp = ports
    hosts = ["127.0.0.1", "localhost", *(["[::1]"] if socket.has_ipv6 and _has_ipv6() else [])]
    for host in hosts:
        assert ask(f"http://{host}:{web}/api/public/health").json["status"] == "OK"
        reply = ask(f"http://{host}:{otlp}/v1/traces", request_of(span()), content_type=JSON)
        assert reply.status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_in_order_on_a_signal(serving: subprocess.Popen[str], number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the server with 0 and a line that says where the data is."""
    serving.send_signal(number)
    output, _ = serving.communicate(timeout=30)
    assert serving.returncode == 0
    assert "The data stays in" in output


@pytest.mark.parametrize("which", [0, 1])
def test_names_the_port_that_is_taken(ports: tuple[int, int], which: int) -> None:
    """A port held by something else is one sentence with the setting and the way to see who."""
    variable = ("LANGFUSE_BASE_URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")[which]
    with socket.create_server(("127.0.0.1", ports[which])):
        result = run("serve")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Port {ports[which]} is held by")
    assert f"(pid {os.getpid()})" in line
    assert variable in line
    assert f"lsof -i :{ports[which]}" in line


def test_refuses_a_port_that_is_taken_on_one_address_only() -> None:
    """Something on ::1 would answer clients that ask for localhost, so it counts."""
    if not _has_ipv6():
        pytest.skip("this machine has no ::1: make test where IPv6 is on")
    with closing(socket.socket(socket.AF_INET6)) as other:
        other.bind(("::1", 0))
        other.listen()
        with pytest.raises(PortTakenError):
            listen(other.getsockname()[1], "LANGFUSE_BASE_URL")


def test_leaves_the_collectors_port_alone_when_told(ports: tuple[int, int]) -> None:
    """With --no-otlp a Collector may hold that port."""
    with (
        socket.create_server(("127.0.0.1", ports[1])),
        subprocess.Popen(
            [sys.executable, "-m", "langfuse_local", "serve", "--no-otlp"],
            stdout=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline()
        answer = ask(f"http://localhost:{ports[0]}/api/public/health")
        process.kill()
    assert answer.status == 200


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LANGFUSE_BASE_URL", "localhost:3000", "LANGFUSE_BASE_URL should be an address"),
        ("LANGFUSE_BASE_URL", "http://localhost:99999", "LANGFUSE_BASE_URL should be an address"),
        ("LANGFUSE_PROJECT_ID", "a b", "LANGFUSE_PROJECT_ID should be 1 to 100 characters"),
        ("LANGFUSE_BASE_URL", "https://cloud.langfuse.com", "this machine only"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318", "/v1/traces"),
    ],
)
@pytest.mark.usefixtures("ports")
def test_refuses_a_setting_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    """A setting that cannot be used names itself and what is allowed; exit 2, no traceback."""
    monkeypatch.setenv(variable, value)
    result = run("serve")
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert variable in line
    assert expected in line


def test_reads_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.env` is second to the environment, other names in it are ignored, blanks are defaults."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(
        "LANGFUSE_PROJECT_ID=filed\nLANGFUSE_PUBLIC_KEY=pk-filed\nOPENAI_API_KEY=x\n"
        "LANGFUSE_BASE_URL=\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("LANGFUSE_PROJECT_ID", "shell")
    settings = load_settings()
    assert (settings.langfuse_project_id, settings.langfuse_public_key) == ("shell", "pk-filed")
    assert settings.langfuse_base_url == "http://localhost:3000"


def test_never_shows_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the settings nor an error about them contain the secret key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-very-secret")
    assert "very-secret" not in repr(load_settings())
    monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk:colon")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_serves_loopback_alone() -> None:
    """Every other host is refused before anything listens."""
    assert local_port("LANGFUSE_BASE_URL", "http://127.0.0.1:3000") == 3000
    for url in ("http://example.com:3000", "https://localhost:3000", "http://0.0.0.0:3000"):
        with pytest.raises(SettingsError, match="this machine only"):
            local_port("LANGFUSE_BASE_URL", url)


def test_explains_itself() -> None:
    """`--help` names every command, and a wrong one is exit 2."""
    text = run("--help").stdout
    assert all(name in text for name in ("serve", "ensure", "stop", "status", "LANGFUSE_BASE_URL"))
    assert run("explode").returncode == 2


def _has_ipv6() -> bool:
    try:
        with closing(socket.socket(socket.AF_INET6)) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def test_the_ports_follow_the_base_endpoint_of_the_exporter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever sets OTEL_EXPORTER_OTLP_ENDPOINT alone finds the backend where the spans go."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4999/")
    assert load_settings().otel_exporter_otlp_traces_endpoint == "http://localhost:4999/v1/traces"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4998/v1/traces")
    assert load_settings().otel_exporter_otlp_traces_endpoint == "http://localhost:4998/v1/traces"
