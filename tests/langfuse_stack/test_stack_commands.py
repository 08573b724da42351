"""`make up`, `down`, `status` and what they say when something is missing.

A stand-in for Docker's client records what it was asked and answers as Docker would;
tests/stack runs the same commands on an engine.
"""

import http.server
import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent_observability.commands.receipts import Receipts, SentTrace
from agent_observability.config import load_settings
from langfuse_stack import __main__ as cli
from langfuse_stack import compose, counts, docker, envfile, langfuse, native, readiness
from langfuse_stack.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
DOCKER = """#!/bin/sh
echo "$*" >> "{folder}/asked"
case "$*" in
  "info "*) {info} ;;
  "compose version") exit {plugin} ;;
  "compose ps --quiet"*) printf '{running}' ;;
  "compose up "*) exit {up} ;;
  "compose logs "*) echo "web | password authentication failed" ;;
  "inspect "*) cat "{folder}/inspected" ;;
esac
"""
HEALTHY = "langfuse-web\tabc\trunning\thealthy\t0\n"


class Docker:
    """A stand-in for the docker client, in front of everything else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inspects(HEALTHY)

    def answers(
        self,
        *,
        info: str = "echo 16000000000",
        plugin: int = 0,
        running: str = "",
        up: int = 0,
    ) -> None:
        """Say how it answers from now on."""
        file = self.folder / "docker"
        values = {"info": info, "plugin": plugin, "running": running, "up": up}
        file.write_text(DOCKER.format(folder=self.folder, **values))
        file.chmod(0o755)

    def inspects(self, rows: str) -> None:
        """Say what `docker inspect` prints of the stack's containers."""
        (self.folder / "inspected").write_text(rows)

    def asked(self) -> list[str]:
        """Return the command lines it was given."""
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Put the stand-in on PATH, and the checkout's .env into a folder of the test."""
    made = Docker(tmp_path)
    made.answers()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for module in (docker, readiness, langfuse):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "_ENV", tmp_path / ".env")
    monkeypatch.setattr(compose, "_PORTS", ())
    monkeypatch.setattr(readiness, "_POLL_SECONDS", 0.01)
    monkeypatch.setenv("AGENT_DATA_DIR", str(tmp_path / ".data"))
    return made


class _Langfuse(http.server.BaseHTTPRequestHandler):
    statuses: list[int]
    keys: list[str]
    project: str
    spans: list[str]
    arrives_after: int

    def do_GET(self) -> None:
        self.keys.append(self.headers["Authorization"])
        if "traceId" not in self.path:
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return self._answer(status, [{"id": self.project}])
        type(self).arrives_after -= 1
        found = self.arrives_after < 0 and self.path.rpartition("=")[2] in self.spans
        return self._answer(200, [{}] if found else [])

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.spans.append(request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"])
        self._answer(200, [])

    def _answer(self, status: int, data: list[Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps({"data": data}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Langfuse]]:
    """Run something that answers like Langfuse and the Collector, first with 503, then with 200."""
    values = {"statuses": [503, 200], "keys": [], "spans": [], "arrives_after": 2}
    handler = type("Handler", (_Langfuse,), {**values, "project": "order-status-demo"})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        address = f"http://127.0.0.1:{running.server_address[1]}"
        monkeypatch.setattr(langfuse, "_API", f"{address}/api/public")
        monkeypatch.setattr(langfuse, "_TRACES", f"{address}/v1/traces")
        yield handler
        running.shutdown()
        thread.join()


def _nothing() -> None:
    """Make way where nothing runs."""


def test_up_completes_env_starts_waits_and_says_what_next(
    engine: Docker, server: type[_Langfuse], capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing: secrets written and not shown, waiting shown, address, login, next command."""
    compose.up(_nothing)
    printed = capsys.readouterr().out
    values = envfile.read(engine.folder / ".env")
    assert set(values) == set(envfile.GENERATED)
    assert "compose up --detach --build" in engine.asked()
    assert "waiting for Langfuse's API\n  waiting for a span to arrive in Langfuse\n" in printed
    assert len(server.spans) == 1
    assert printed.endswith(
        "Langfuse  http://localhost:3000\n"
        "Login     demo@example.com, with LANGFUSE_INIT_USER_PASSWORD of .env: sign in before you"
        " open\n          a link that a command prints\n"
        "Next      make demo\n"
    )
    for name, value in values.items():
        assert name == "LANGFUSE_INIT_USER_EMAIL" or value not in printed
    assert stat.S_IMODE((engine.folder / ".env").stat().st_mode) == 0o600


def test_up_waits_for_every_service(
    engine: Docker, server: type[_Langfuse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker too, although Langfuse's API answers without it; who is missing is named."""
    worker = "langfuse-worker\tdef\trunning\tstarting\t0\n"
    engine.answers(running="abc def")
    engine.inspects(HEALTHY + worker)
    monkeypatch.setattr(readiness, "_START_SECONDS", 0.1)
    with pytest.raises(StackError, match="still waits for langfuse-worker: make logs"):
        compose.up(_nothing)
    assert not server.keys


@pytest.mark.parametrize("restarts", [3, 40])
def test_a_service_that_keeps_ending_stops_the_start(restarts: int, engine: Docker) -> None:
    """At once, with its name and the end of its log, whether it loops since now or before."""
    engine.answers(running="abc")
    engine.inspects(f"langfuse-web\tabc\trestarting\tstarting\t{restarts}\n")
    with pytest.raises(StackError, match=r"(?s)authentication failed.*langfuse-web restarts again"):
        compose.up(_nothing)


def test_a_loop_that_the_start_ends_is_no_reason_to_stop(
    engine: Docker, server: type[_Langfuse]
) -> None:
    """A password was restored: the container that kept ending is replaced by one that runs."""
    engine.answers(running="abc")
    engine.inspects("langfuse-web\tabc\trestarting\tstarting\t9\n")
    healthy = HEALTHY.replace("abc", "def").replace("\t", "\\t").replace("\n", "\\n")
    replaced = f"printf '{healthy}' > '{engine.folder}/inspected'"
    text = (engine.folder / "docker").read_text()
    text = text.replace('"compose up "*) exit 0', f'"compose up "*) sleep 0.3; {replaced}')
    (engine.folder / "docker").write_text(text)
    compose.up(_nothing)
    assert server.spans


def test_old_restarts_are_forgiven(engine: Docker, server: type[_Langfuse]) -> None:
    """A service that ended often before and now runs is no crash loop."""
    engine.answers(running="abc")
    engine.inspects("langfuse-web\tabc\trunning\thealthy\t40\n")
    compose.up(_nothing)
    assert server.spans


@pytest.mark.parametrize(("running", "more"), [("", ""), ("abc", ", make logs shows more")])
def test_a_start_that_fails_points_at_logs_only_if_there_are_some(
    running: str, more: str, engine: Docker
) -> None:
    """After a failed pull there is no container, and no log."""
    engine.answers(running=running, up=1)
    with pytest.raises(StackError, match=f"its message is above{more}[.]$"):
        compose.up(_nothing)


def test_keys_that_langfuse_does_not_know_are_a_sentence(
    engine: Docker, server: type[_Langfuse]
) -> None:
    """Changed after the first start: the Collector's spans would be refused."""
    engine.answers(running="abc")
    server.statuses[:] = [401]
    with pytest.raises(StackError, match=r"does not know the keys in \.env.*make down VOLUMES=1"):
        compose.up(_nothing)


def test_a_project_that_langfuse_does_not_know_is_a_sentence(
    engine: Docker, server: type[_Langfuse]
) -> None:
    """Changed after the first start: links would point to a project that is not there."""
    engine.answers(running="abc")
    server.project = "another"
    with pytest.raises(StackError, match=r"LANGFUSE_PROJECT_ID is order-status-demo.*of another"):
        compose.up(_nothing)


def test_ctrl_c_says_what_goes_on(
    engine: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The containers stay: what to run to go on, and to stop."""
    monkeypatch.setattr(readiness, "_sleep", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(native, "make_way", _nothing)
    monkeypatch.setattr(native, "own_ports", set)
    engine.answers(running="abc")
    with pytest.raises(KeyboardInterrupt):
        cli.main(["up"])
    assert "make up goes on with it, make down stops it" in capsys.readouterr().out


def test_without_docker_it_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing, that the demo works without, where to get it; exit 1, no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["logs"]) == 1
    assert capsys.readouterr().err.startswith("Docker is not installed. make demo works without")


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"plugin": 1}, "Docker lacks its Compose plugin: install docker-compose-plugin"),
        ({"info": "exit 1"}, "The Docker engine does not answer: start it"),
        ({"info": "echo 0; exit 1"}, "The Docker engine does not answer: start it"),
        ({"info": "echo permission denied >&2; exit 1"}, "You may not use .*group docker"),
        ({"info": "echo 4000000000"}, "Docker has 4.0 GB of memory and Langfuse needs 6"),
    ],
    ids=["no plugin", "no engine", "no engine, yet a number", "no permission", "little memory"],
)
def test_what_docker_lacks_is_a_sentence(
    engine: Docker, answers: dict[str, Any], sentence: str
) -> None:
    """Said before anything is written, stopped or started."""
    engine.answers(**answers)
    with pytest.raises(StackError, match=sentence):
        compose.up(lambda: pytest.fail("What runs was stopped for a stack that cannot start."))
    assert not (engine.folder / ".env").exists()
    assert not any(line.startswith("compose up") for line in engine.asked())


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_taken_port_is_a_sentence(
    family: socket.AddressFamily, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On either loopback address, and before what runs here is stopped for it."""
    with socket.create_server((host, 0), family=family) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(compose, "_PORTS", (port,))
        with pytest.raises(StackError, match=rf"Port {port} is taken: .*lsof -i :{port}"):
            compose.up(lambda: pytest.fail("What runs was stopped although a port is taken."))


def test_a_port_of_what_gives_way_is_not_taken(
    server: type[_Langfuse], engine: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local backend's own listener is no reason to refuse."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(compose, "_PORTS", (port,))
        engine.answers(running="")
        compose.up(_nothing, own_ports={port})
    assert server.spans


@pytest.mark.parametrize(
    ("runs", "ports"),
    [
        (set(), set()),
        ({"backend"}, {3000, 4318}),
        ({"backend", "collector"}, {3000, 4318, 4317, 9999}),
    ],
    ids=["nothing", "the local backend", "the Collector too"],
)
def test_own_ports_are_those_of_what_runs_here(
    runs: set[str], ports: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be stopped for the stack, and nothing that another program may hold."""
    names = ("backend", "relay", "collector")
    processes = [SimpleNamespace(process=lambda name=name: name in runs) for name in names]
    monkeypatch.setattr(native, "_processes", lambda _: processes)
    monkeypatch.setenv("OTELCOL_METRICS_PORT", "9999")
    assert native.own_ports() == ports


def test_down_keeps_the_data_unless_it_is_given_away(
    engine: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes go only when asked for and confirmed; without a terminal they are not."""
    engine.answers(running="abc")
    compose.down(volumes=False)
    for answer in (lambda _: "n", lambda _: (_ for _ in ()).throw(EOFError)):
        monkeypatch.setattr("builtins.input", answer)
        compose.down(volumes=True)
    assert [line for line in engine.asked() if "down" in line] == ["compose down"]
    monkeypatch.setattr("builtins.input", lambda _: "y")
    compose.down(volumes=True)
    assert engine.asked()[-1] == "compose down --volumes"


def test_down_does_nothing_where_nothing_runs(engine: Docker) -> None:
    """`make down` is for the local backend too: no engine is asked to stop what it has not."""
    assert not compose.down(volumes=False)
    assert engine.asked() == ["compose ps --quiet"]


def test_down_says_when_docker_cannot_tell(engine: Docker) -> None:
    """Where the stack was set up, an engine that is away is no proof that nothing runs."""
    envfile.complete(engine.folder / ".env")
    engine.answers(info="exit 1")
    with pytest.raises(StackError, match="The Docker engine does not answer"):
        compose.down(volumes=False)


def test_ctrl_c_is_how_logs_end(engine: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error, as with `tail -f`."""
    assert engine

    def interrupted(*_: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(docker, "compose", interrupted)
    assert cli.main(["logs"]) == 0


def test_the_native_collector_does_not_start_beside_the_stack(
    engine: Docker, capsys: pytest.CaptureFixture[str]
) -> None:
    """They share their ports: what to do, instead of advice on other ports."""
    engine.answers(running="abc")
    assert cli.main(["native"]) == 1
    assert "The stack of make up runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "running", "is_forgotten"),
    [("up", "", True), ("down", "abc", True), ("down", "", False)],
)
def test_another_backend_at_the_same_address_owes_nothing(
    engine: Docker,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    running: str,
    is_forgotten: bool,  # noqa: FBT001 - one of a table
) -> None:
    """What was sent to the one before is not missed in it, and stays known if nothing changes."""
    engine.answers(running=running)
    monkeypatch.setattr(native, "make_way", lambda: False)
    monkeypatch.setattr(compose, "up", lambda make_way, _: make_way())
    load_settings.cache_clear()
    receipts = Receipts(engine.folder / ".data", "http://localhost:3000")
    receipts.add_traces([SentTrace("a" * 32, "conv_1", "usr_1", 13)])
    assert cli.main([command]) == 0
    assert (list(receipts.traces()) == []) is is_forgotten


def test_status_shows_what_became_of_the_spans(
    engine: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The services, then what waits, was sent and was dropped."""
    found = counts.Counts(2_000_000, 10**9, in_flight=1, accepted=49, sent=9, dropped=1)
    monkeypatch.setattr(counts, "ask", lambda *_: found)
    assert cli.main(["status"]) == 0
    assert engine.asked()[0].startswith("compose ps --all")
    printed = capsys.readouterr().out
    assert printed.startswith(
        "waiting  39 spans, 1 requests under way, 2.0 MB of 1000.0 MB on disk"
    )
    assert "\nsent     9 spans\ndropped  1 spans\n" in printed


@pytest.mark.parametrize("code", [0, 1])
def test_status_without_a_collector_is_that_of_the_local_backend(
    code: int, engine: Docker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What that knows, and its exit code; the complaint of a docker without Compose is not shown."""
    (engine.folder / "docker").write_text("#!/bin/sh\necho unknown flag >&2\nexit 1\n")
    commands: list[str] = []

    def local_backend(command: str) -> int:
        commands.append(command)
        return code

    monkeypatch.setattr(counts, "ask", lambda *_: None)
    monkeypatch.setattr(compose, "local_backend", local_backend)
    assert cli.main(["status"]) == code
    assert commands == ["status"]
    assert capfd.readouterr() == ("", "")


def test_up_stops_what_runs_only_when_docker_is_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Docker, `make up` leaves the Collector and the local backend running."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(native, "make_way", lambda: pytest.fail("The Collector was stopped."))
    assert cli.main(["up"]) == 1


@pytest.mark.parametrize("command", ["native", "down"])
def test_a_bad_setting_is_a_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting of the local backend that cannot be used stops what stands in front of it, too."""
    monkeypatch.setenv("LANGFUSE_BASE_URL", "ftp://localhost")
    assert cli.main([command]) == 1
    assert capsys.readouterr().err.startswith("LANGFUSE_BASE_URL should be an address with http")


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` is answered on stdout with exit code 0, as every other command's is."""
    assert cli.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith(
        "usage: python -m langfuse_stack {collector,collect,guard,native,"
    )
