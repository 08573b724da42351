"""From a request's body to rows on disk, one request at a time.

Decoding multiplies a body's size in memory, so only one is decoded at any moment; the others wait
as bytes. One thread is no slower than several: Python runs one at a time anyway.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from langfuse_local.body import Bodies, inflate
from langfuse_local.mapping import observations
from langfuse_local.otlp import BadRequest, check_ids, decode
from langfuse_local.weight import check_json, check_values

if TYPE_CHECKING:
    from starlette.requests import Request

    from langfuse_local.store import Store

__all__ = ["Intake"]

_JSON = "application/json"


class Intake:
    """What all receivers of one store share."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies = Bodies()
        self._thread = ThreadPoolExecutor(1, "intake")

    async def take(self, request: Request, kind: str) -> None:
        """Store the spans of a request, all or none, and return when they are on disk.

        Raises BadRequest, which says what to answer, or sqlite3.Error.
        """
        encoding = request.headers.get("content-encoding", "").strip().lower()
        loop = asyncio.get_running_loop()
        try:
            async with self._bodies.read(request) as body:
                await loop.run_in_executor(self._thread, self._save, body, encoding, kind)
        except ClientDisconnect as error:
            raise BadRequest("The body ended before it was complete.") from error

    def _save(self, body: bytes, encoding: str, kind: str) -> None:
        content = inflate(body, encoding)
        if kind == _JSON:
            check_json(content)
        request = decode(content, kind)
        check_values(request, len(content))
        check_ids(request)
        self._store.save(observations(request, self._store.prices))
