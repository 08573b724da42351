"""Runs the backend in the background: starts it once, finds it again and stops it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["SERVE", "Background", "NotStartedError"]

SERVE = (sys.executable, "-m", "langfuse_local", "serve")
"""The command that runs the local backend."""

_START_SECONDS = 20
_STOP_SECONDS = 10
_POLL_SECONDS = 0.05
_SAME_START_SECONDS = 1.0  # two readings of one process's start differ by less


class NotStartedError(RuntimeError):
    """The backend did not start; the message is the last line of its log, or a sentence."""


class Background:
    """The one backend that this checkout may have running, known by pid and start time.

    A pid alone may by now belong to another program, which must not be stopped.
    """

    def __init__(self, data_dir: Path, name: str = "backend") -> None:
        self._folder = data_dir
        self._name = name
        self._state = data_dir / f"{name}.json"
        self.log = data_dir / f"{name}.log"

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Keep other commands from starting it at the same time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / f"{self._name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Wait until no other command is starting it: what is not recorded cannot be stopped."""
        with self.starting() if self._folder.is_dir() else nullcontext():
            yield

    def start(
        self,
        is_up: Callable[[], bool],
        command: Sequence[str] = SERVE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and return when it is up; raises NotStartedError.

        It gets a session and streams of its own: `make demo | cat` ends, and Ctrl-C in the
        terminal does not reach it.
        """
        with self._open_log() as log, _delayed_interrupt():
            child = subprocess.Popen(  # noqa: S603 - the caller's own command
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._record(child.pid)
        if _wait(lambda: child.poll() is not None or is_up(), _START_SECONDS) and (
            child.poll() is None
        ):
            return
        self.stop()
        child.wait()
        raise NotStartedError(self._last_log_line())

    def process(self) -> psutil.Process | None:
        """The running backend that `start` started, None if there is none."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            process = psutil.Process(state["pid"])
            same = abs(process.create_time() - state["created"]) < _SAME_START_SECONDS
            return process if same and not _gone(process) else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def stop(self, pid: int | None = None) -> int | None:
        """Stop it, by force if need be; returns its pid, None if it was not running.

        `pid` is what a backend states of itself that nothing here remembers.
        """
        process = self.process() if pid is None else _serving(pid)
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
                if not _wait(lambda: _gone(process), _STOP_SECONDS):
                    process.kill()
                    _wait(lambda: _gone(process), _STOP_SECONDS)
        with suppress(OSError):  # In a read-only folder; the file names no running process.
            self._state.unlink(missing_ok=True)
        return process.pid if process else None

    def _open_log(self) -> BinaryIO:
        return os.fdopen(os.open(self.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")

    def _record(self, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            state = {"pid": pid, "created": psutil.Process(pid).create_time()}
            self._state.write_text(json.dumps(state), encoding="utf-8")

    def _last_log_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"It did not answer within {_START_SECONDS} seconds."


@contextmanager
def _delayed_interrupt() -> Iterator[None]:
    """Delay Ctrl-C: a process that is started and not yet recorded could never be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C reaches the main thread alone.
        return
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        signal.raise_signal(signal.SIGINT)


def _serving(pid: int) -> psutil.Process | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if "langfuse_local" in process.cmdline():
            return process
    return None


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
