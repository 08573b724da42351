"""`make up`, `down`, `status` and what they say when something is missing.

There is no Docker engine where these tests run: a stand-in for the client records what it was
asked and answers as Docker would. What it cannot show is that the images start.
"""

import json
import socket
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent_observability.commands.receipts import Receipts, SentTrace
from agent_observability.config import load_settings
from langfuse_stack import __main__ as cli
from langfuse_stack import compose, counts, envfile, native
from langfuse_stack.errors import StackError

DOCKER = """#!/bin/sh
echo "$*" >> "{folder}/asked"
case "$*" in
  "info "*) echo {memory} ;;
  "compose version") exit {plugin} ;;
  "compose ps --quiet") printf '{running}' ;;
esac
"""


class Docker:
    """A stand-in for the docker client, in front of everything else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answers(self, *, memory: str = "16000000000", plugin: int = 0, running: str = "") -> None:
        """Say how it answers from now on."""
        file = self.folder / "docker"
        file.write_text(
            DOCKER.format(folder=self.folder, memory=memory, plugin=plugin, running=running)
        )
        file.chmod(0o755)

    def asked(self) -> list[str]:
        """Return the command lines it was given."""
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Put the stand-in on PATH, and the checkout's .env into a folder of the test."""
    made = Docker(tmp_path)
    made.answers()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "_ENV", tmp_path / ".env")
    monkeypatch.setattr(compose, "_PORTS", ())
    monkeypatch.setenv("AGENT_DATA_DIR", str(tmp_path / ".data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2] / "src"))
    return made


class _Langfuse(BaseHTTPRequestHandler):
    statuses: list[int]
    keys: list[str]

    def do_GET(self) -> None:
        self.keys.append(self.headers["Authorization"])
        self.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def langfuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Langfuse]]:
    """Run something that answers like Langfuse's API, first with 503 and then with 200."""
    handler = type("Handler", (_Langfuse,), {"statuses": [503, 200], "keys": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/api/public/projects"
        monkeypatch.setattr(compose, "_PROJECTS", address)
        monkeypatch.setattr(compose, "_POLL_SECONDS", 0.01)
        yield handler
        server.shutdown()
        thread.join()


def test_up_completes_env_starts_waits_and_says_what_next(
    docker: Docker, langfuse: type[_Langfuse], capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing: secrets written and not shown, waiting shown, address, login, next command."""
    compose.up(lambda: None)
    printed = capsys.readouterr().out
    values = envfile.read(docker.folder / ".env")
    assert set(values) == set(envfile.GENERATED)
    assert "compose up --detach --build" in docker.asked()
    assert len(langfuse.keys) == 2
    assert "waiting for Langfuse" in printed
    assert printed.endswith(
        "Langfuse  http://localhost:3000\n"
        "Login     demo@example.com, with LANGFUSE_INIT_USER_PASSWORD of .env\n"
        "Next      make demo\n"
    )
    for name, value in values.items():
        assert name == "LANGFUSE_INIT_USER_EMAIL" or value not in printed
    assert stat.S_IMODE((docker.folder / ".env").stat().st_mode) == 0o600


def test_keys_that_langfuse_does_not_know_are_a_sentence(
    docker: Docker, langfuse: type[_Langfuse]
) -> None:
    """Changed after the first start: the Collector would lose every span to 401."""
    docker.answers(running="abc")
    langfuse.statuses[:] = [401]
    with pytest.raises(StackError, match=r"does not know the keys in \.env.*make down VOLUMES=1"):
        compose.up(lambda: None)


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
        ({"memory": "''"}, "The Docker engine does not answer: start it"),
        ({"memory": "4000000000"}, "Docker has 4.0 GB of memory and Langfuse needs 6"),
    ],
    ids=["no plugin", "no engine", "little memory"],
)
def test_what_docker_lacks_is_a_sentence(
    docker: Docker, answers: dict[str, Any], sentence: str
) -> None:
    """Said before anything is written, stopped or started."""
    docker.answers(**answers)
    with pytest.raises(StackError, match=sentence):
        compose.up(lambda: pytest.fail("What runs was stopped for a stack that cannot start."))
    assert not (docker.folder / ".env").exists()
    assert not any(line.startswith("compose up") for line in docker.asked())


@pytest.mark.usefixtures("docker")
def test_a_taken_port_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which port, how to see who has it, what to do."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(compose, "_PORTS", (port,))
        with pytest.raises(StackError, match=rf"Port {port} is taken: .*lsof -i :{port}"):
            compose.up(lambda: None)


def test_down_keeps_the_data_unless_it_is_given_away(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes go only when asked for and confirmed."""
    docker.answers(running="abc")
    compose.down(volumes=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    compose.down(volumes=True)
    assert [line for line in docker.asked() if "down" in line] == ["compose down"]
    monkeypatch.setattr("builtins.input", lambda _: "y")
    compose.down(volumes=True)
    assert docker.asked()[-1] == "compose down --volumes"


def test_down_does_nothing_where_nothing_runs(docker: Docker) -> None:
    """`make down` is for the local backend too: no engine is asked to stop what it has not."""
    compose.down(volumes=False)
    assert docker.asked() == ["compose ps --quiet"]


@pytest.mark.parametrize(
    ("command", "running", "is_forgotten"),
    [("up", "", True), ("down", "abc", True), ("down", "", False)],
)
def test_another_backend_at_the_same_address_owes_nothing(
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    running: str,
    is_forgotten: bool,  # noqa: FBT001 - one of a table
) -> None:
    """What was sent to the one before is not missed in it, and stays known if nothing changes."""
    docker.answers(running=running)
    monkeypatch.setattr(native, "stop", lambda: None)
    monkeypatch.setattr(compose, "up", lambda make_way: make_way())
    monkeypatch.setattr(compose, "local_backend", lambda _: None)
    load_settings.cache_clear()
    receipts = Receipts(docker.folder / ".data", "http://localhost:3000")
    receipts.add_traces([SentTrace("a" * 32, "conv_1", "usr_1", 13)])
    assert cli.main([command]) == 0
    assert (list(receipts.traces()) == []) is is_forgotten


def test_status_shows_what_became_of_the_spans(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The services, then what waits, was sent and was dropped."""
    found = counts.Counts(2_000_000, 10**9, in_flight=1, accepted=49, sent=9, dropped=1, refused=0)
    monkeypatch.setattr(counts, "ask", lambda *_: found)
    assert cli.main(["status"]) == 0
    assert docker.asked()[0].startswith("compose ps --all")
    printed = capsys.readouterr().out
    assert printed.startswith(
        "waiting  39 spans, 1 requests under way, 2.0 MB of 1000.0 MB on disk"
    )
    assert "\nsent     9 spans\ndropped  1 spans\n" in printed


@pytest.mark.parametrize("code", [0, 1])
def test_status_without_a_collector_is_that_of_the_local_backend(
    code: int, docker: Docker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What that knows, and its exit code; the complaint of a docker without Compose is not shown."""
    (docker.folder / "docker").write_text("#!/bin/sh\necho unknown flag >&2\nexit 1\n")
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
    monkeypatch.setattr(native, "stop", lambda: pytest.fail("The Collector was stopped."))
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
        "usage: python -m langfuse_stack {collector,guard,native,"
    )


def test_waiting_names_who_is_not_healthy(docker: Docker) -> None:
    """Compose prints one JSON object a line."""
    rows = [{"Service": "redis", "Health": "healthy"}, {"Service": "minio", "Health": "starting"}]
    text = "\\n".join(map(json.dumps, rows))
    (docker.folder / "docker").write_text(f"#!/bin/sh\nprintf '{text}'\n")
    assert compose._unhealthy() == "minio"
