"""A request's body, read and inflated within bounds."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from langfuse_local.otlp import BadRequest

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["MAX_BYTES", "TooLargeError", "inflate", "read"]

# A batch of 512 spans is some 500 KiB; the Collector's default limit is 20 MiB. The same bound
# holds before and after gzip, so that a small body cannot become a large one.
MAX_BYTES = 64 * 1024 * 1024
_GZIP = zlib.MAX_WBITS | 16


class TooLargeError(ValueError):
    """The body is larger than MAX_BYTES, as sent or once inflated (HTTP 413)."""

    def __init__(self) -> None:
        super().__init__(
            f"The request is larger than {MAX_BYTES // 1024**2} MiB: send smaller batches."
        )


async def read(request: Request) -> bytes:
    """The whole body as it was sent; raises TooLargeError as soon as that is known."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_BYTES:
        raise TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise TooLargeError
    return bytes(body)


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
    inflated = bytearray()
    while body:  # A gzip file may be several, one after the other.
        member = zlib.decompressobj(_GZIP)
        inflated += member.decompress(body, MAX_BYTES + 1 - len(inflated))
        if len(inflated) > MAX_BYTES:
            raise TooLargeError
        if not member.eof:
            raise BadRequest("The gzip body ends too early.")
        body = member.unused_data
    return bytes(inflated)
