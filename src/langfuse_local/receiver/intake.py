"""From a request's body to rows on disk, one request at a time.

Decoding multiplies a body's size in memory, so only one is decoded at any moment; the others wait
as bytes. One thread is no slower than several: Python runs one at a time anyway.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from langfuse_local.mapping.spans import observations
from langfuse_local.receiver.body import Bodies
from langfuse_local.receiver.otlp import BadRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from langfuse_local.receiver.otlp import Batch
    from langfuse_local.store.store import Store

__all__ = ["Intake"]


class Intake:
    """What all receivers of one store share."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies = Bodies()
        self._thread = ThreadPoolExecutor(1, "intake")

    async def take(self, request: Request, read: Callable[[bytes], Batch]) -> bool:
        """Store what `read` makes of the body, all or nothing, and return when it is on disk.

        Whether the request held anything. Raises BadRequest, which says what to answer, or
        sqlite3.Error.
        """
        loop = asyncio.get_running_loop()
        async with self._body(request) as body:
            return await loop.run_in_executor(self._thread, self._save, body, read)

    async def discard(self, request: Request) -> None:
        """Read the body and forget it: who is answered before the end may never read the answer.

        Raises BadRequest.
        """
        async with self._body(request):
            pass

    @asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        try:
            async with self._bodies.read(request) as body:
                yield body
        except ClientDisconnect as error:
            raise BadRequest("The body ended before it was complete.") from error

    def _save(self, body: bytes, read: Callable[[bytes], Batch]) -> bool:
        batch = read(body)
        self._store.save(observations(batch.request, batch.id_of))
        return bool(batch.request.resource_spans)
