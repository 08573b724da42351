"""Connections on which nothing is asked: closed in time, and never so many that others wait.

uvicorn waits for ever for the rest of a request's head. Who opens connections and sends a byte now
and then would use up the process's file descriptors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Connection"]

_SECONDS: Final = 10
_MAX_WAITING: Final = 256


class Connection(H11Protocol):
    """HTTP/1.1 with a deadline for the next request's head; the longest wait ends first."""

    _waiting: ClassVar[dict[Connection, asyncio.TimerHandle]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Stop the clock while a request is being answered."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Expect another request."""
        super().on_response_complete()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._stop_waiting()
        self._waiting[self] = self.loop.call_later(_SECONDS, self._give_up)
        if len(self._waiting) > _MAX_WAITING:
            next(iter(self._waiting))._give_up()  # noqa: SLF001 - of this class

    def _give_up(self) -> None:
        self._stop_waiting()
        self.transport.close()

    def _stop_waiting(self) -> None:
        timer = self._waiting.pop(self, None)
        if timer is not None:
            timer.cancel()
