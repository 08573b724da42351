"""A request's body, read and inflated within bounds of size, time and memory."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .otlp import BadRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

__all__ = ["MAX_BYTES", "BodyReader", "BusyError", "SlowError", "TooLargeError", "inflate"]

# The Collector's own default. A batch of 512 spans is some 500 KiB. The same bound holds before
# and after gzip, so that a small body cannot become a large one.
MAX_BYTES: Final = 20 * 1024 * 1024
# A sender that is cut off never reads why: this much more is received and thrown away.
_MAX_IGNORED: Final = 128 * 1024 * 1024
_SECONDS: Final = 15
_MAX_HELD: Final = 4 * MAX_BYTES
_MAX_OPEN: Final = 256
_MAX_MEMBERS: Final = 100
_SLICE: Final = 64 * 1024
_GZIP: Final = zlib.MAX_WBITS | 16


class TooLargeError(BadRequest):
    """The body is larger than MAX_BYTES, as sent or once inflated."""

    status = 413

    def __init__(self) -> None:
        super().__init__(
            f"The request is larger than {MAX_BYTES // 1024**2} MiB: send smaller batches."
        )


class SlowError(BadRequest):
    """The body did not arrive in time."""

    status = 408

    def __init__(self) -> None:
        super().__init__(f"The body did not arrive within {_SECONDS} seconds.")


class BusyError(BadRequest):
    """Too much is arriving at once; the sender may try again."""

    status = 503

    def __init__(self) -> None:
        super().__init__("Too much is being sent at once. Send the spans again later.")


@dataclass(eq=False, slots=True)
class _Upload:
    deadline: asyncio.Timeout
    size: int = 0
    is_dropped: bool = False


class BodyReader:
    """Reads bodies, which together take bounded memory.

    When there is no room for another byte, the upload that began first is dropped: slow senders
    cannot keep others out.
    """

    def __init__(self) -> None:
        self._uploads: dict[_Upload, None] = {}
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body as received, kept until the context ends.

        Raises TooLargeError, SlowError, BusyError, or starlette's ClientDisconnect.
        """
        upload = _Upload(asyncio.timeout(_SECONDS))
        self._uploads[upload] = None
        try:
            async with upload.deadline:
                self._make_room()
                body = await self._collect(request, upload)
        except TimeoutError:
            self._release(upload)
            raise BusyError if upload.is_dropped else SlowError from None
        except BaseException:
            self._release(upload)
            raise
        self._uploads.pop(upload)  # A complete body is not dropped any more.
        try:
            yield body
        finally:
            self._held -= upload.size

    async def _collect(self, request: Request, upload: _Upload) -> bytes:
        body, received = bytearray(), 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > _MAX_IGNORED:
                break
            if received > MAX_BYTES:
                body.clear()
                continue
            body += chunk
            upload.size += len(chunk)
            self._held += len(chunk)
            self._make_room()
        if received > MAX_BYTES:
            raise TooLargeError
        return bytes(body)

    def _make_room(self) -> None:
        while self._uploads and (self._held > _MAX_HELD or len(self._uploads) > _MAX_OPEN):
            oldest = next(iter(self._uploads))
            oldest.is_dropped = True
            oldest.deadline.reschedule(asyncio.get_running_loop().time())
            self._release(oldest)

    def _release(self, upload: _Upload) -> None:
        if upload in self._uploads:
            self._uploads.pop(upload)
            self._held -= upload.size


def inflate(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding; raises BadRequest or TooLargeError."""
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise BadRequest("The content encoding is not supported: send gzip, or no encoding.")
    try:
        return _gunzip(body)
    except zlib.error as error:
        raise BadRequest("The body is not valid gzip.") from error


def _gunzip(body: bytes) -> bytes:
    """Inflates all gzip members, in slices: each member copies the bytes that it leaves over."""
    inflated, position = bytearray(), 0
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            if position >= len(body):
                raise BadRequest("The gzip body ends too early.")
            piece = body[position : position + _SLICE]
            inflated += member.decompress(piece, MAX_BYTES + 1 - len(inflated))
            if len(inflated) > MAX_BYTES:
                raise TooLargeError
            position += len(piece) - len(member.unused_data)
        if position >= len(body):
            return bytes(inflated)
    raise BadRequest(f"The gzip body has more than {_MAX_MEMBERS} members.")
