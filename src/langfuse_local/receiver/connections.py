"""Closes idle connections, and limits how many there are.

uvicorn waits for ever for the rest of a request's head. A client that opens connections and sends
a byte now and then would use up the process's file descriptors.
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
    """HTTP/1.1 with a deadline for the next request's head; the longest idle one closes first."""

    _waiting: ClassVar[dict[Connection, asyncio.TimerHandle]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the clock for the first request."""
        super().connection_made(transport)
        self._start_waiting()

    def data_received(self, data: bytes) -> None:
        """Stop the clock while a request is being answered."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Start the clock for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _start_waiting(self) -> None:
        self._stop_waiting()
        self._waiting[self] = self.loop.call_later(_SECONDS, self._close)
        if len(self._waiting) > _MAX_WAITING:
            next(iter(self._waiting))._close()  # noqa: SLF001 - of this class

    def _close(self) -> None:
        self._stop_waiting()
        self.transport.close()

    def _stop_waiting(self) -> None:
        timer = self._waiting.pop(self, None)
        if timer is not None:
            timer.cancel()
