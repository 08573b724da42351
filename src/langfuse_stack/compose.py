"""Docker Compose's commands, behind checks that say in one sentence what is missing."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus

from . import counts, envfile
from .build import ROOT
from .errors import StackError

__all__ = ["down", "local_backend", "logs", "status", "up"]

_ENV = ROOT / ".env"
_URL = "http://localhost:3000"
_PROJECTS = "http://localhost:3000/api/public/projects"
_PORTS = (3000, 4317, 4318, 8888)
_MEMORY_GB = 6
_POLL_SECONDS = 2.0
_START_SECONDS = 900  # after the images are there
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def up(make_way: Callable[[], object]) -> None:
    """Start everything, wait until Langfuse takes the keys of `.env`, say what to do next.

    `make_way` stops what this checkout runs on the same ports; it is called when Docker is ready.

    Raises:
        StackError: Docker is missing or short of memory, a port is taken, or it did not come up.
    """
    _check_docker()
    if not _running():
        make_way()
        _check_ports()
    if added := envfile.complete(_ENV):
        print(f"Added to .env: {', '.join(added)}", flush=True)
    _compose("up", "--detach", "--build", check="Docker could not start the stack")
    _wait()
    values = envfile.read(_ENV)
    print(f"Langfuse  {_URL}")
    print(
        f"Login     {values['LANGFUSE_INIT_USER_EMAIL']}, with LANGFUSE_INIT_USER_PASSWORD of .env"
    )
    print("Next      make demo")


def down(*, volumes: bool) -> bool:
    """Stop what runs; remove the data too if asked to, after asking back.

    Returns whether anything was stopped.
    """
    if not volumes and not _running():
        return False
    _check_docker()
    if volumes and input("Remove Langfuse's data for good? [y/N] ").strip().lower() != "y":
        print("Nothing was removed and nothing stopped.")
        return False
    _compose("down", *(["--volumes"] if volumes else []), check="Docker could not stop the stack")
    return True


def logs() -> None:
    """Show the latest lines of every service and follow them until Ctrl-C."""
    _check_docker()
    _compose("logs", "--tail", "50", "--follow", check="Docker could not show the logs")


def status() -> int:
    """Show each service's state and what became of the spans; without a Collector, the backend.

    Returns the exit code: 1 if nothing runs.
    """
    if shutil.which("docker"):
        # Without Compose or its engine there are no services: the Collector may run all the same.
        table = "table {{.Service}}\t{{.Status}}"
        services = _quiet("docker", "compose", "ps", "--all", "--format", table)
        print("" if services.returncode else services.stdout, end="", flush=True)
    own_port = envfile.collector_settings().get("OTELCOL_METRICS_PORT", counts.METRICS_PORT)
    if found := counts.ask(own_port) or counts.ask():
        print("\n".join(found.lines()))
        return 0
    return local_backend("status")


def local_backend(command: str) -> int:
    """Run a command of the local backend, which speaks for itself; return its exit code."""
    return subprocess.run([sys.executable, "-m", "langfuse_local", command], check=False).returncode


def _check_docker() -> None:
    if shutil.which("docker") is None:
        raise StackError(
            "Docker is not installed. make demo works without it; for the real Langfuse, install"
            " Docker (https://docs.docker.com/get-docker/) and run make up again."
        )
    if _quiet("docker", "compose", "version").returncode:
        raise StackError(
            "Docker lacks its Compose plugin: install docker-compose-plugin (Docker Desktop has"
            " it) and run make up again."
        )
    memory = _quiet("docker", "info", "--format", "{{json .MemTotal}}")
    if memory.returncode or not memory.stdout.strip().isdigit():
        raise StackError("The Docker engine does not answer: start it and run make up again.")
    if int(memory.stdout) < _MEMORY_GB * 10**9:
        raise StackError(
            f"Docker has {int(memory.stdout) / 1e9:.1f} GB of memory and Langfuse needs"
            f" {_MEMORY_GB}: give it more (Docker Desktop: Settings, Resources), or use make demo,"
            " which does without."
        )


def _check_ports() -> None:
    for port in _PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise StackError(
                    f"Port {port} is taken: stop what listens there (lsof -i :{port} shows it) and"
                    " run make up again."
                )


def _running() -> bool:
    return shutil.which("docker") is not None and bool(
        _quiet("docker", "compose", "ps", "--quiet").stdout.strip()
    )


def _wait() -> None:
    started, terminal, said = time.monotonic(), sys.stdout.isatty(), ""
    while not _accepts_keys():
        if time.monotonic() - started > _START_SECONDS:
            raise StackError(
                f"Langfuse did not answer within {_START_SECONDS // 60} minutes: make logs shows"
                " why, make up goes on waiting."
            )
        doing = f"waiting for {_unhealthy() or 'Langfuse'}"
        if terminal:
            print(f"\r\033[K  {time.monotonic() - started:3.0f} s  {doing}", end="", flush=True)
        elif doing != said:
            print(f"  {doing}", flush=True)
        said = doing
        time.sleep(_POLL_SECONDS)
    print("\r\033[K" if terminal else "", end="", flush=True)


def _accepts_keys() -> bool:
    values = envfile.read(_ENV) | os.environ  # as Compose reads them
    keys = f"{values['LANGFUSE_PUBLIC_KEY']}:{values['LANGFUSE_SECRET_KEY']}"
    request = urllib.request.Request(_PROJECTS)
    request.add_header("Authorization", f"Basic {b64encode(keys.encode()).decode()}")
    try:
        with _NO_PROXY.open(request, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.UNAUTHORIZED:
                raise StackError(
                    "Langfuse does not know the keys in .env, which it takes over at its first"
                    " start only: restore the old ones, or start afresh with"
                    " make down VOLUMES=1 and make up."
                ) from None
            return False
    except OSError:
        return False


def _unhealthy() -> str:
    answer = _quiet("docker", "compose", "ps", "--all", "--format", "json")
    services = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    return ", ".join(each["Service"] for each in services if each.get("Health") != "healthy")


def _compose(*arguments: str, check: str) -> None:
    done = subprocess.run(["docker", "compose", *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise StackError(f"{check}: its message is above, make logs shows more.")


def _quiet(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
