"""An HTTP session that notes what became of a batch: the exporter does not look at the answer.

It takes a redirect, a proxy's page and a partial success for success, does not tell a refused
connection from an answer that never came, and reads whatever comes for as long as it comes.
"""

import os
import socket
import time
import weakref
from contextlib import suppress
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from .answer import MAX_ANSWER_BYTES, judge
from .batch import Batch
from .encoding import MAX_REQUEST_BYTES

__all__ = ["WatchedSession"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class WatchedSession(requests.Session):
    """A session for one request at a time.

    Attributes:
        batch: The one on its way.
        is_closed: Whether nothing is sent any more.
        timeout_seconds: What its user gives a batch; 0 until it is known.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        # A proxy from the environment cannot reach our loopback.
        self.trust_env = urlsplit(endpoint).hostname not in _LOOPBACK
        self.headers["Accept-Encoding"] = "identity"  # A few bytes need no compression.
        self.batch = Batch(0)
        self.is_closed = False
        self.timeout_seconds = 0.0
        self._connect()

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request; an error does not repeat the address, which may hold a password."""
        try:
            return super().prepare_request(request)
        except ValueError:
            self.batch.problem = "the endpoint is no address"
            raise requests.exceptions.InvalidURL(self.batch.problem) from None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one attempt; raise what the exporter should not take for a success."""
        batch = self.batch
        if self.is_closed or batch.is_abandoned:
            raise requests.RequestException("The time is over.")
        if self._pid != os.getpid():
            self._connect()  # Or both processes would write to the same keep-alive socket.
        self._begin(batch, request, kwargs.get("timeout"))
        try:
            options = {**kwargs, "timeout": batch.seconds_left, "stream": True}
            return _judged(super().send(request, **options), batch)
        except (requests.ConnectionError, requests.Timeout) as error:
            batch.problem, batch.is_refused = _why(error)
            batch.is_unknown |= not batch.is_refused
            raise
        finally:
            batch.is_open = False

    def abort(self) -> None:
        """End what is under way, from another thread: a socket's timeout is per read."""
        for end in list(self._ends):
            with suppress(OSError, AttributeError):
                getattr(end, "sock", end).shutdown(socket.SHUT_RDWR)

    def _begin(self, batch: Batch, request: requests.PreparedRequest, timeout: object) -> None:
        if isinstance(timeout, int | float):
            self.timeout_seconds = max(self.timeout_seconds, timeout)
            batch.deadline = min(batch.deadline, time.monotonic() + timeout)
        if batch.size > 1 and len(request.body or b"") > MAX_REQUEST_BYTES:
            batch.is_too_large = True
            raise requests.exceptions.InvalidSchema("The batch is too large.")
        batch.is_sent = batch.is_open = True
        batch.status = 0

    def _connect(self) -> None:
        self._pid = os.getpid()
        self._ends: weakref.WeakSet[Any] = weakref.WeakSet()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _RememberingAdapter(self._ends))


class _RememberingAdapter(HTTPAdapter):
    def __init__(self, ends: "weakref.WeakSet[Any]") -> None:
        super().__init__()
        self._ends = ends

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            vars(pool)["ConnectionCls"] = _remembering(type(pool).ConnectionCls, self._ends)
        return pool


def _remembering(connection: Any, ends: "weakref.WeakSet[Any]") -> type:
    class Connection(connection):  # type: ignore[misc] # plain, TLS, or through a proxy
        def connect(self) -> None:
            ends.add(self)  # Has the socket during the handshake, which may trickle, too.
            super().connect()
            ends.add(self.sock)  # The connection forgets it when the answer has no length.

    return Connection


def _judged(response: requests.Response, batch: Batch) -> requests.Response:
    is_success = 200 <= response.status_code < 300  # noqa: PLR2004 - the success codes
    batch.status, batch.is_open = response.status_code, is_success
    body = _body(response) if is_success or response.status_code == requests.codes.bad else b""
    if not is_success:
        response.close()
    verdict = judge(response.status_code, response.headers, body)
    batch.problem, batch.rejected = verdict.problem, min(verdict.rejected, batch.size)
    batch.is_too_large = verdict.is_too_large
    batch.is_unknown |= verdict.is_unknown
    if response.ok and verdict.problem:
        raise requests.exceptions.InvalidSchema(verdict.problem)
    return response


def _body(response: requests.Response) -> bytes:
    body = b""
    try:
        # Until nothing comes: only then does urllib3 say that a part of the answer is missing.
        while len(body) <= MAX_ANSWER_BYTES and (piece := _read(response, len(body))):
            body += piece
    except (HTTPError, OSError, AttributeError) as error:  # The last when it was aborted.
        raise requests.ConnectionError(error) from None
    if len(body) > MAX_ANSWER_BYTES:
        response.close()
    response.raw = BytesIO(body)
    return body


def _read(response: requests.Response, done: int) -> bytes:
    piece: bytes = response.raw.read(MAX_ANSWER_BYTES + 1 - done, decode_content=False)
    return piece


def _why(error: requests.RequestException) -> tuple[str, bool]:
    """Return the clause, and whether the batch cannot have been taken."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS handshake failed", True
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy is not to be reached", True
    if isinstance(error, requests.Timeout):
        return "it did not answer in time", isinstance(error, requests.ConnectTimeout)
    if isinstance(reason, NameResolutionError):
        return "its name is not known", True
    if isinstance(reason, NewConnectionError):
        return "nothing is listening there", True
    return "the connection was cut", False
