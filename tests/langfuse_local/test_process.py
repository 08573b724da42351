"""The backend in the background: recognised, started once, and stopped by its owner alone."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from wire import JSON, KEYS, ask, free_port, request_of, span

from langfuse_local.process import Background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEALTH = b'{"status":"OK","version":"4.16.0"}'
COMMAND = [sys.executable, "-m", "langfuse_local"]


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Two free ports and a data folder, in the environment; what is started there is stopped."""
    web, otlp = free_port(), free_port()
    monkeypatch.setenv("LANGFUSE_BASE_URL", f"http://localhost:{web}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://localhost:{otlp}/v1/traces")
    monkeypatch.setenv("LANGFUSE_LOCAL_DATA_DIR", str(tmp_path / "data"))
    yield web, otlp
    run("stop")


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*COMMAND, command], capture_output=True, text=True, timeout=60, check=False
    )


def state(tmp_path: Path) -> dict[str, float]:
    """What the checkout remembers of the backend that it started."""
    content: dict[str, float] = json.loads((tmp_path / "data" / "backend.json").read_text())
    return content


@contextmanager
def answering(port: int, body: bytes, content_type: str, status: int = 200) -> Iterator[None]:
    """Something on a port that answers every request the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_starts_once_and_is_found_again(ports: tuple[int, int], tmp_path: Path) -> None:
    """The first `ensure` starts a backend that outlives it, the second one uses that."""
    web, otlp = ports
    first, second = run("ensure"), run("ensure")
    url = f"http://localhost:{web}"
    assert first.stdout == f"backend  local, {url} (started; stop it with: make down)\n"
    assert second.stdout == f"backend  local, {url} (running)\n"
    assert run("status").stdout == (
        f"{second.stdout}data     {tmp_path}/data/langfuse.db\nholds    0 traces, 0 spans\n"
    )
    reply = ask(f"http://localhost:{otlp}/v1/traces", request_of(span()), content_type=JSON)
    assert reply.status == 200
    for name in ("backend.log", "langfuse.db"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600


@pytest.mark.usefixtures("ports")
def test_lets_a_pipe_end() -> None:
    """`make demo | cat` returns: the backend holds no stream of the one who started it."""
    result = subprocess.run(
        f"'{sys.executable}' -m langfuse_local ensure 2>&1 | cat",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.startswith("backend  local")


def test_is_started_once_by_two_at_a_time(ports: tuple[int, int], tmp_path: Path) -> None:
    """Two terminals at the same moment share one backend."""
    processes = [
        subprocess.Popen([*COMMAND, "ensure"], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    lines = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    url = f"http://localhost:{ports[0]}"
    assert lines == [
        f"backend  local, {url} (running)\n",
        f"backend  local, {url} (started; stop it with: make down)\n",
    ]
    assert psutil.Process(int(state(tmp_path)["pid"])).is_running()


def test_stops_what_it_started(ports: tuple[int, int], tmp_path: Path) -> None:
    """`stop` ends the backend and says so; a second one has nothing to do; both exit 0."""
    run("ensure")
    pid = int(state(tmp_path)["pid"])
    first, second = run("stop"), run("stop")
    assert first.stdout.startswith(f"Stopped the local backend (pid {pid}).")
    assert second.stdout == "No backend that was started here is running.\n"
    assert (first.returncode, second.returncode, run("status").returncode) == (0, 0, 1)
    assert not (tmp_path / "data" / "backend.json").exists()
    assert ports


def test_ctrl_c_loses_no_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the moment after it was started, it is remembered and can be stopped."""
    children = []
    popen = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        children.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return children[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    background = Background(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        background.start(lambda: True, [sys.executable, "-c", "import time; time.sleep(60)"])
    assert background.stop() == children[0].pid
    assert children[0].wait(10) == -signal.SIGTERM


@pytest.mark.usefixtures("ports")
def test_never_stops_another_process(tmp_path: Path) -> None:
    """A pid that now belongs to another program is left alone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / "data").mkdir()
        created = psutil.Process(other.pid).create_time() - 60
        content = json.dumps({"pid": other.pid, "created": created})
        (tmp_path / "data" / "backend.json").write_text(content)
        assert run("stop").stdout == "No backend that was started here is running.\n"
        assert other.poll() is None
        other.kill()


def test_ignores_a_proxy_for_this_machine(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY does not stand between the probes and a backend on loopback."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert run("ensure").returncode == 0
    assert f"http://localhost:{ports[0]} (running)" in run("status").stdout


def test_uses_langfuse_through_its_collector(ports: tuple[int, int]) -> None:
    """The real stack is recognised by its answers and nothing is started."""
    web, otlp = ports
    with (
        answering(web, HEALTH, "application/json; charset=utf-8"),
        answering(otlp, b"", "application/x-protobuf"),
    ):
        result = run("ensure")
    assert result.stdout == (
        f"backend  Langfuse 4.16.0, http://localhost:{web}, through http://localhost:{otlp}\n"
    )


@pytest.mark.parametrize("which", [0, 1])
def test_does_not_take_an_open_port_for_a_backend(ports: tuple[int, int], which: int) -> None:
    """Somebody's web page on a port is named with the port, the setting and the way to see it."""
    variable = ("LANGFUSE_BASE_URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")[which]
    with answering(ports[which], b"<html>hello</html>", "text/html"):
        result = run("ensure")
    (line,) = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert f"Port {ports[which]} is held by" in line
    assert variable in line
    assert f"lsof -i :{ports[which]}" in line


@pytest.mark.parametrize(
    ("which", "body", "content_type", "expected"),
    [
        (0, HEALTH, "application/json", "nothing takes spans at"),
        (1, b"", "application/x-protobuf", "nothing answers at"),
    ],
)
def test_says_which_half_is_missing(
    ports: tuple[int, int], which: int, body: bytes, content_type: str, expected: str
) -> None:
    """With only one of the two answering, the sentence names the other and the fix."""
    with answering(ports[which], body, content_type):
        result = run("ensure")
    (line,) = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert expected in line
    assert "make up" in line


@pytest.mark.usefixtures("ports")
def test_starts_nothing_for_an_address_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Langfuse on another machine that does not answer is not replaced by a local one."""
    monkeypatch.setenv("LANGFUSE_BASE_URL", "http://langfuse.invalid:3000")
    result = run("ensure")
    (line,) = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert line.startswith("http://langfuse.invalid:3000 does not answer")


@pytest.mark.usefixtures("ports")
def test_passes_on_why_it_did_not_start(tmp_path: Path) -> None:
    """When the backend ends at once, its own last line and its log are named."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "langfuse.db").write_bytes(b"x" * 5000)
    result = run("ensure")
    (line,) = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert "did not start: The database" in line
    assert "backend.log" in line


def test_a_backend_that_is_forgotten_is_found_by_asking_it(
    ports: tuple[int, int], tmp_path: Path
) -> None:
    """After `rm -rf .data` the backend still runs: its checkout asks whose it is, and stops it."""
    run("ensure")
    pid = int(state(tmp_path)["pid"])
    shutil.rmtree(tmp_path / "data")
    assert run("stop").stdout.startswith(f"Stopped the local backend (pid {pid})")
    assert run("ensure").stdout.endswith("(started; stop it with: make down)\n"), ports


@pytest.mark.usefixtures("ports")
def test_stopping_waits_for_a_backend_that_is_being_started(tmp_path: Path) -> None:
    """`make down` a moment after `make demo` loses no backend: it waits until there is one."""
    for pause in (0.05, 0.15, 0.4):
        with subprocess.Popen([*COMMAND, "ensure"], stdout=subprocess.PIPE) as starting:
            time.sleep(pause)
            run("stop")
            starting.wait(30)
        run("stop")
        assert run("status").returncode == 1, pause
        assert not (tmp_path / "data" / "backend.json").exists()


def test_another_checkout_is_told_whose_backend_it_joins(
    ports: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the other one, and that its backend is used; `stop` leaves it alone."""
    run("ensure")
    monkeypatch.setenv("LANGFUSE_LOCAL_DATA_DIR", str(tmp_path / "other"))
    joined, stopped = run("ensure"), run("stop")
    url, folder = f"http://localhost:{ports[0]}", tmp_path / "data"
    assert joined.stdout == (
        f"backend  local, {url} (used with the checkout whose data is in {folder})\n"
    )
    assert stopped.stdout == "No backend that was started here is running.\n"
    assert not (tmp_path / "other").exists()
    monkeypatch.setenv("LANGFUSE_LOCAL_DATA_DIR", str(folder))
    assert run("stop").stdout.startswith("Stopped the local backend")


def test_two_backends_do_not_share_a_folder(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is refused, and told at which ports the first answers."""
    run("ensure")
    others = free_port(), free_port()
    with monkeypatch.context() as patch:
        patch.setenv("LANGFUSE_BASE_URL", f"http://localhost:{others[0]}")
        traces = f"http://localhost:{others[1]}/v1/traces"
        patch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces)
        refused = run("ensure")
    assert refused.returncode == 1
    assert (
        f"is in use by the backend at http://localhost:{ports[0]}"
        f" (spans: http://localhost:{ports[1]}/v1/traces)" in refused.stderr
    )
    assert run("status").returncode == 0


def test_a_reset_starts_over(ports: tuple[int, int], tmp_path: Path) -> None:
    """The backend is stopped and its traces are gone; the next one starts empty."""
    run("ensure")
    url = f"http://localhost:{ports[1]}/v1/traces"
    assert ask(url, request_of(span()), content_type=JSON).status == 200
    assert "holds    1 traces, 1 spans" in run("status").stdout
    assert run("reset").returncode == 0
    assert not (tmp_path / "data" / "langfuse.db").exists()
    run("ensure")
    assert "holds    0 traces, 0 spans" in run("status").stdout


def test_spans_may_go_straight_to_langfuse(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the credentials of the headers, from the environment or `.env`; without, it says which.

    The local backend answers at Langfuse's own path as Langfuse does, in JSON.
    """
    run("ensure")
    endpoint = f"http://localhost:{ports[0]}/api/public/otel/v1/traces"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint)
    refused = run("ensure")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "set OTEL_EXPORTER_OTLP_HEADERS to Authorization=Basic%20" in refused.stderr
    headers = f"Authorization=Basic%20{base64.b64encode(KEYS.encode()).decode()}"
    with monkeypatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
        assert run("ensure").returncode == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"OTEL_EXPORTER_OTLP_HEADERS={headers}\n")
    assert run("ensure").returncode == 0


def test_langfuse_is_used_without_a_collector(ports: tuple[int, int]) -> None:
    """JSON is an answer to protobuf, too; any other object in JSON is not."""
    web, otlp = ports
    with (
        answering(web, HEALTH, "application/json"),
        answering(otlp, b"{}", "application/json; charset=utf-8"),
    ):
        assert run("ensure").returncode == 0
    with (
        answering(web, HEALTH, "application/json"),
        answering(otlp, b'{"hello":"world"}', "application/json"),
    ):
        assert "not as an OTLP receiver does" in run("ensure").stderr


def test_an_endpoint_without_its_path_is_told_the_path(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own backend answers there: it is not told to stop that."""
    run("ensure")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://localhost:{ports[1]}")
    (line,) = run("ensure").stderr.splitlines()
    assert f"in full, as in http://localhost:{ports[1]}/v1/traces." in line
    assert "stop" not in line
