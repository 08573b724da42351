"""Patience with a server that shows a span seconds after it has taken it."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Patience"]

_PAUSE_SECONDS: Final = 1.0
T = TypeVar("T")


class Patience:
    """Looks again and again until nothing is awaited or the time is over.

    Args:
        seconds: How long all looks together may take.
        on_wait: Called before each pause with what is still awaited.
    """

    def __init__(self, seconds: float, on_wait: Callable[[str], None]) -> None:
        self._deadline = time.monotonic() + seconds
        self._on_wait = on_wait

    def until(self, look: Callable[[], T], awaited: Callable[[T], str]) -> T:
        """Return the last look, after which `awaited` was empty or the time was over."""
        while True:
            found = look()
            text = awaited(found)
            left = self._deadline - time.monotonic()
            if not text or left <= 0:
                return found
            self._on_wait(text)
            time.sleep(min(_PAUSE_SECONDS, left))
