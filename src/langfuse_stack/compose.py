"""`make up`, `down`, `logs` and `status`."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Collection

from . import counts, docker, envfile, langfuse, readiness
from .build import ROOT
from .errors import StackError

__all__ = ["down", "local_backend", "logs", "status", "up"]

_ENV = ROOT / ".env"
_PORTS = (3000, 4317, 4318, 8888, 9090)
_INTERRUPTED = 130
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def up(make_way: Callable[[], object], own_ports: Collection[int] = ()) -> None:
    """Start everything, wait until a span goes through it, say what to do next.

    `make_way` stops what this checkout runs on `own_ports`; it is called when Docker is ready and
    no other port is taken.

    Raises:
        StackError: Docker is missing or short of memory, a port is taken, or it did not come up.
    """
    docker.check()
    docker.check_memory()
    if not docker.is_running():
        _check_ports(own_ports)
        make_way()
    if added := envfile.complete(_ENV):
        print(f"Added to .env: {', '.join(added)}", flush=True)
    try:
        readiness.start()
    except KeyboardInterrupt:
        print("\nWhat was started stays: make up goes on with it, make down stops it.")
        raise
    email = envfile.read(_ENV)["LANGFUSE_INIT_USER_EMAIL"]
    print(f"Langfuse  {langfuse.URL}")
    print(f"Login     {email}, with LANGFUSE_INIT_USER_PASSWORD of .env: sign in before you open")
    print("          a link that a command prints")
    print("Next      make demo")


def down(*, volumes: bool) -> bool:
    """Stop what runs; remove the data too if asked to, after asking back.

    Returns whether anything was stopped.

    Raises:
        StackError: The stack was set up here and Docker cannot say whether it runs.
    """
    if volumes or _was_set_up():
        docker.check()
    if not volumes and not docker.is_running():
        return False
    if volumes and not _is_confirmed():
        print("Nothing was removed and nothing stopped.")
        return False
    if docker.compose("down", *(["--volumes"] if volumes else [])):
        raise StackError("Docker could not stop the stack: its message is above.")
    return True


def logs() -> None:
    """Show the latest lines of every service and follow them until Ctrl-C."""
    docker.check()
    try:
        failed = docker.compose("logs", "--tail", "50", "--follow")
    except KeyboardInterrupt:  # How one stops to follow.
        return
    if failed not in {0, _INTERRUPTED}:
        raise StackError("Docker could not show the logs: its message is above.")


def status() -> int:
    """Show each service's state and what became of the spans; without a Collector, the backend.

    Returns the exit code: 1 if nothing runs.
    """
    if shutil.which("docker"):
        # Without Compose or its engine there are no services: the Collector may run all the same.
        table = "table {{.Service}}\t{{.Status}}"
        services = docker.quiet("docker", "compose", "ps", "--all", "--format", table)
        print("" if services.returncode else services.stdout, end="", flush=True)
    own_port = envfile.collector_settings().get("OTELCOL_METRICS_PORT", counts.METRICS_PORT)
    if found := counts.ask(own_port) or counts.ask():
        print("\n".join(found.lines()))
        return 0
    return local_backend("status")


def local_backend(command: str) -> int:
    """Run a command of the local backend, which speaks for itself; return its exit code."""
    return subprocess.run([sys.executable, "-m", "langfuse_local", command], check=False).returncode


def _was_set_up() -> bool:
    return bool(shutil.which("docker") and envfile.read(_ENV).get("POSTGRES_PASSWORD"))


def _is_confirmed() -> bool:
    try:
        return input("Remove Langfuse's data for good? [y/N] ").strip().lower() == "y"
    except EOFError:  # No terminal, or Ctrl-D.
        print()
        return False


def _check_ports(own: Collection[int]) -> None:
    for port in _PORTS:
        if port not in own and any(_is_taken(*address, port) for address in _LOOPBACK):
            raise StackError(
                f"Port {port} is taken: stop what listens there (lsof -i :{port} shows it) and"
                " run make up again."
            )


def _is_taken(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            return probe.connect_ex((host, port)) == 0
    except OSError:  # A machine without IPv6.
        return False
