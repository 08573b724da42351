"""A thread that is there before it is needed: from Python 3.12 on, none starts at exit."""

import contextvars
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["Worker"]

_log = logging.getLogger(__name__)
_Work = tuple[contextvars.Context, Callable[[], object], threading.Event]


class Worker:
    """Does one piece of work after the other on a daemon thread of its own."""

    def __init__(self) -> None:
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        threading.Thread(target=_run, args=(self._work,), daemon=True).start()

    def do(self, work: Callable[[], object]) -> threading.Event:
        """Hand over work, in the caller's context, and return what is set when it has ended."""
        done = threading.Event()
        self._work.put((contextvars.copy_context(), work, done))
        return done

    def stop(self) -> None:
        """End the thread after the work that it has."""
        self._work.put(None)


def _run(queue: "SimpleQueue[_Work | None]") -> None:
    while item := queue.get():
        context, work, done = item
        try:
            context.run(work)
        except Exception:  # noqa: BLE001 - it would end the thread, and all that follows
            _log.exception("An exporter failed.")
        done.set()
        del item, context, work, done  # While it waits, it keeps nobody's spans alive.
