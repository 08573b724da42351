"""What became of one batch, read from the answers that the OTLP exporter does not look at.

The exporter takes a redirect, a proxy's HTML page and a partial success for success, and does
not tell a refused connection from an answer that never came.
"""

import os
import threading
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.export import SpanExportResult
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

__all__ = ["Batch", "WatchedSession", "trusts_environment"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# A gateway says these when the server behind it did not answer: it may have stored the batch.
_UNKNOWN_FATE: Final = frozenset({502, 504})


@dataclass(slots=True)
class Batch:
    """One batch on its way.

    Attributes:
        size: Spans in it.
        result: The exporter's, None until it is known.
        is_sent: Whether any attempt got as far as sending.
        is_open: Whether an attempt waits for its answer.
        is_unknown: Whether an attempt ended without one, so that it may have been stored.
        is_refused: Whether nothing listened at the last attempt.
        rejected: Spans that a successful answer says were not stored.
        problem: What went wrong last, one clause.
        status: Status code of the last answer, 0 without one.
    """

    size: int
    result: SpanExportResult | None = None
    is_sent: bool = False
    is_open: bool = False
    is_unknown: bool = False
    is_refused: bool = False
    rejected: int = 0
    problem: str = ""
    status: int = 0
    settled: threading.Event = field(default_factory=threading.Event)


class WatchedSession(requests.Session):
    """An HTTP session that notes on `batch` what each attempt came to."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.trust_env = trusts_environment(endpoint)
        self.batch = Batch(0)
        self.is_closed = False
        self._pid = os.getpid()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one attempt; raise what the exporter should not take for a success."""
        batch = self.batch
        if self.is_closed:
            raise requests.RequestException("The time to shut down is over.")
        self._leave_the_parents_connections()
        batch.is_sent = batch.is_open = True
        batch.status = 0
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            batch.problem = _why(error)
            batch.is_refused = _was_refused(error)
            batch.is_unknown |= not batch.is_refused
            raise
        finally:
            batch.is_open = False
        return _read(response, batch)

    def _leave_the_parents_connections(self) -> None:
        # After a fork both processes would write to the same keep-alive socket.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self.mount("http://", HTTPAdapter())
            self.mount("https://", HTTPAdapter())


def trusts_environment(endpoint: str) -> bool:
    """Return whether a proxy from the environment may be asked: it cannot reach our loopback."""
    return urlsplit(endpoint).hostname not in _LOOPBACK


def _read(response: requests.Response, batch: Batch) -> requests.Response:
    batch.status = response.status_code
    batch.is_unknown |= response.status_code in _UNKNOWN_FATE
    is_page = "html" in response.headers.get("Content-Type", "")
    if not response.ok:
        batch.problem = f"it answered {response.status_code} {response.reason}".rstrip()
    elif is_page or not 200 <= response.status_code < 300:  # noqa: PLR2004 - the success codes
        what = "an HTML page" if is_page else f"{response.status_code} {response.reason}".rstrip()
        batch.problem = f"it answered {what}, as something does that is no OTLP receiver"
        raise requests.exceptions.InvalidSchema(batch.problem)
    else:
        batch.rejected = min(_rejected(response), batch.size)
        batch.problem = f"it rejected {batch.rejected} spans" if batch.rejected else ""
    return response


def _rejected(response: requests.Response) -> int:
    try:
        answer = ExportTraceServiceResponse.FromString(response.content)
    except DecodeError:  # Some receivers answer JSON, whatever they were sent.
        return 0
    return max(answer.partial_success.rejected_spans, 0)


def _was_refused(error: requests.RequestException) -> bool:
    if isinstance(
        error,
        requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError,
    ):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS handshake failed"
    return "nothing is listening there" if _was_refused(error) else "the connection was cut"
