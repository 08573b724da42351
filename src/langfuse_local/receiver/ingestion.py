"""Stores the spans of requests, one request at a time.

Decoding multiplies a body's size in memory, so only one is decoded at any moment; the others wait
as bytes. One thread is no slower than several: Python runs one at a time anyway.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from ..mapping.spans import observations
from .body import BodyReader
from .otlp import BadRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from ..store.store import Store
    from .otlp import Batch

__all__ = ["Ingestion"]


class Ingestion:
    """Reads, decodes and stores requests for all receivers of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies = BodyReader()
        self._thread = ThreadPoolExecutor(1, "ingestion")

    async def store(self, request: Request, read: Callable[[bytes], Batch]) -> bool:
        """Store all spans that `read` decodes from the body, or none; True if there were any.

        Returns when they are on disk. Raises BadRequest, which says what to answer, or
        sqlite3.Error.
        """
        loop = asyncio.get_running_loop()
        async with self._body(request) as body:
            return await loop.run_in_executor(self._thread, self._save, body, read)

    async def discard(self, request: Request) -> None:
        """Read the body and drop it: a client answered before its end may never read the answer.

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
