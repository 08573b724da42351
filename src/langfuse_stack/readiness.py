"""Start the stack and wait until all of it works, or say at once which service does not."""

import subprocess
import sys
import time

from . import docker, langfuse
from .build import ROOT
from .errors import StackError

__all__ = ["start"]

_POLL_SECONDS = 2.0
_START_SECONDS = 900  # after the images are there
_RESTARTS = 3  # a service that ends this often while it is waited for will not come up


def start() -> None:
    """Run `docker compose up` and return when a span sent through the stack can be read back.

    Raises:
        StackError: Docker could not start it, a service keeps ending, or it took too long.
    """
    restarts = _Restarts()
    with subprocess.Popen(["docker", "compose", "up", "--detach", "--build"], cwd=ROOT) as command:
        try:
            while command.poll() is None:
                restarts.check(is_started=False)
                _sleep()
        except BaseException:
            command.terminate()
            raise
    if command.returncode:
        more = ", make logs shows more" if docker.services() else ""
        raise StackError(f"Docker could not start the stack: its message is above{more}.")
    _wait(restarts)


class _Restarts:
    """How often each container has ended since the start was asked for."""

    def __init__(self) -> None:
        self._before = {each.container: each.restarts for each in docker.services()}
        self._replaced = frozenset(self._before)

    def check(self, *, is_started: bool) -> list[docker.Service]:
        """Return the services; raise StackError for one that restarts again and again.

        Until the start is done, a container from before it may yet be replaced.
        """
        services = docker.services()
        for each in services:
            before = self._before.setdefault(each.container, 0)
            is_ending = each.status == "restarting" and each.restarts >= _RESTARTS
            is_looping = is_ending or each.restarts - before >= _RESTARTS
            if is_looping and (is_started or each.container not in self._replaced):
                raise StackError(_loop(each))
        return services


def _loop(service: docker.Service) -> str:
    return (
        f"{docker.last_lines(service.name)}\n"
        f"{service.name} restarts again and again; the end of its log is above. If a password or a"
        " key in .env was changed after the first start, restore it. make down stops the rest."
    )


def _wait(restarts: _Restarts) -> None:
    started, terminal, shown = time.monotonic(), sys.stdout.isatty(), ""
    span = langfuse.RoundTrip()
    while missing := _missing(restarts.check(is_started=True), span):
        if time.monotonic() - started > _START_SECONDS:
            raise StackError(
                f"After {_START_SECONDS // 60} minutes it still waits for {missing}: make logs"
                " shows why, make up goes on waiting."
            )
        if terminal:
            elapsed = time.monotonic() - started
            print(f"\r\033[K  {elapsed:3.0f} s  waiting for {missing}", end="", flush=True)
        elif missing != shown:
            print(f"  waiting for {missing}", flush=True)
        shown = missing
        _sleep()
    print("\r\033[K" if terminal else "", end="", flush=True)


def _missing(services: list[docker.Service], span: langfuse.RoundTrip) -> str:
    if unhealthy := [each.name for each in services if each.health != "healthy"]:
        return ", ".join(sorted(unhealthy))
    if not langfuse.knows_keys():
        return "Langfuse's API"
    return "" if span.is_done() else "a span to arrive in Langfuse"


def _sleep() -> None:
    time.sleep(_POLL_SECONDS)
