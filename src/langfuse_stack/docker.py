"""Docker's client: what it lacks, said in one sentence, and what it says of the services."""

import shutil
import subprocess
from dataclasses import dataclass

from .build import ROOT
from .errors import StackError

__all__ = [
    "Service",
    "check",
    "check_memory",
    "compose",
    "is_running",
    "last_lines",
    "quiet",
    "services",
]

_MEMORY_GB = 6
_FIELDS = (
    '{{index .Config.Labels "com.docker.compose.service"}}',
    "{{.Id}}",
    "{{.State.Status}}",
    "{{if .State.Health}}{{.State.Health.Status}}{{end}}",
    "{{.RestartCount}}",
)


@dataclass(frozen=True)
class Service:
    """One container of the stack, as the engine sees it."""

    name: str
    container: str
    status: str
    health: str
    restarts: int


def check() -> None:
    """Say what keeps Docker from being used.

    Raises:
        StackError: There is no client, no Compose, no engine, or no permission to use it.
    """
    if shutil.which("docker") is None:
        raise StackError(
            "Docker is not installed. make demo works without it; for the real Langfuse, install"
            " Docker (https://docs.docker.com/get-docker/) and run make up again."
        )
    if quiet("docker", "compose", "version").returncode:
        raise StackError(
            "Docker lacks its Compose plugin: install docker-compose-plugin (Docker Desktop has"
            " it) and run make up again."
        )
    answer = quiet("docker", "info", "--format", "{{json .MemTotal}}")
    if "permission denied" in answer.stderr:
        raise StackError(
            "You may not use Docker's engine: join the group docker (sudo usermod -aG docker"
            " YOUR-NAME, then log in again), which is as good as being root."
        )
    if answer.returncode or not answer.stdout.strip().isdigit():
        raise StackError("The Docker engine does not answer: start it, and run this again.")


def check_memory() -> None:
    """Raise StackError if the engine has too little memory for Langfuse."""
    memory = int(quiet("docker", "info", "--format", "{{json .MemTotal}}").stdout)
    if memory < _MEMORY_GB * 10**9:
        raise StackError(
            f"Docker has {memory / 1e9:.1f} GB of memory and Langfuse needs {_MEMORY_GB}: give it"
            " more (Docker Desktop: Settings, Resources), or use make demo, which does without."
        )


def is_running() -> bool:
    """Tell whether a container of the stack is there; False where no engine answers."""
    return shutil.which("docker") is not None and bool(_containers())


def services() -> list[Service]:
    """Return the stack's containers, whatever their state."""
    if not (containers := _containers("--all")):
        return []
    answer = quiet("docker", "inspect", "--format", "\t".join(_FIELDS), *containers)
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    return [_service(*row) for row in rows if len(row) == len(_FIELDS)]


def last_lines(service: str) -> str:
    """Return the end of a service's log."""
    answer = quiet("docker", "compose", "logs", "--no-color", "--tail", "10", service)
    return (answer.stdout or answer.stderr).strip()


def compose(*arguments: str) -> int:
    """Run a command of Docker Compose in the terminal and return its exit code."""
    return subprocess.run(["docker", "compose", *arguments], cwd=ROOT, check=False).returncode


def quiet(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints."""
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def _service(name: str, container: str, status: str, health: str, restarts: str) -> Service:
    return Service(name, container, status, health, int(restarts))


def _containers(*options: str) -> list[str]:
    return quiet("docker", "compose", "ps", "--quiet", *options).stdout.split()
