"""SIGTERM ends a command as Ctrl-C does: what has ended is delivered, and the line is printed.

A turn may be in a step that nothing interrupts, and LangGraph waits for its steps. After the time
of grace the process ends all the same.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

__all__ = ["CODE", "Terminated", "ending_on_sigterm"]

CODE: Final = 128 + signal.SIGTERM
_GRACE_SECONDS: Final = 2.0


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


@contextmanager
def ending_on_sigterm(conclude: Callable[[], None]) -> Iterator[None]:
    """Raise Terminated in the block at SIGTERM; `conclude` prints if it must end without it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = threading.Timer(_GRACE_SECONDS, _end, [conclude])
    watch.daemon = True

    def terminate(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        watch.start()
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        watch.cancel()
        signal.signal(signal.SIGTERM, before)


def _end(conclude: Callable[[], None]) -> None:
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()
    conclude()
    sys.stdout.flush()
    os._exit(CODE)
