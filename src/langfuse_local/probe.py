"""Recognises who answers at an address by the response, never by an open port alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from .config import is_loopback
from .identity import IDENTITY_PATH, Identity
from .version import BACKEND_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

__all__ = ["Kind", "Probe", "probe_otlp", "probe_web"]

_TIMEOUT_SECONDS = 3
_MAX_ANSWER = 64 * 1024
_PROTOBUF = "application/x-protobuf"


class Kind(Enum):
    """Who answered."""

    NOTHING = auto()
    LOCAL = auto()  # this project's backend
    EXPECTED = auto()  # what the address is for: Langfuse, or somebody who takes OTLP
    UNAUTHORIZED = auto()  # somebody who wants credentials, or others
    MISPLACED = auto()  # somebody who has nothing at this path
    OTHER = auto()


_REFUSALS = {
    401: Kind.UNAUTHORIZED,
    403: Kind.UNAUTHORIZED,
    404: Kind.MISPLACED,
    405: Kind.MISPLACED,
}


@dataclass(frozen=True, slots=True)
class Probe:
    """Who answered, and the version it stated."""

    kind: Kind
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Message
    body: bytes


def probe_web(base_url: str) -> Probe:
    """Who answers `GET /api/public/health` under Langfuse's address."""
    response = _send(urllib.request.Request(f"{base_url}/api/public/health"))  # noqa: S310 - the settings allow http and https alone
    if not isinstance(response, _Response):
        return Probe(response)
    try:
        health = json.loads(response.body)
    except ValueError:
        health = None
    if response.status != http.client.OK or not isinstance(health, dict):
        return Probe(Kind.OTHER)
    if health.get("status") != "OK":
        return Probe(Kind.OTHER)
    return Probe(_kind(response), str(health.get("version", "")))


def probe_identity(base_url: str) -> Identity | None:
    """What the local backend at this address says of itself."""
    response = _send(urllib.request.Request(f"{base_url}{IDENTITY_PATH}"))  # noqa: S310 - as above
    if not isinstance(response, _Response) or BACKEND_HEADER not in response.headers:
        return None
    try:
        return Identity(**json.loads(response.body))
    except (ValueError, TypeError):  # An older version has no such path.
        return None


def probe_otlp(endpoint: str, headers: Mapping[str, str] | None = None) -> Probe:
    """Who answers an OTLP request without spans that carries these headers."""
    all_headers = {**(headers or {}), "Content-Type": _PROTOBUF}
    request = urllib.request.Request(endpoint, b"", all_headers, method="POST")  # noqa: S310 - as above
    response = _send(request)
    if not isinstance(response, _Response):
        return Probe(response)
    if response.status in _REFUSALS:
        return Probe(_REFUSALS[response.status])
    if response.status != http.client.OK or not _is_success(response):
        return Probe(Kind.OTHER)
    return Probe(_kind(response))


def _is_success(response: _Response) -> bool:
    """Whether the body is OTLP's response: in protobuf, or in JSON, as Langfuse answers to both."""
    try:
        if response.headers.get_content_type() == _PROTOBUF:
            ExportTraceServiceResponse.FromString(response.body)
            return True
        body = json.loads(response.body)
    except (DecodeError, ValueError):
        return False
    return isinstance(body, dict) and body.keys() <= {"partialSuccess"}


def _kind(response: _Response) -> Kind:
    return Kind.LOCAL if BACKEND_HEADER in response.headers else Kind.EXPECTED


def _send(request: urllib.request.Request) -> _Response | Kind:
    # A proxy named in the environment cannot reach this machine's loopback addresses.
    own = [urllib.request.ProxyHandler({})] if is_loopback(request.full_url) else []
    opener = urllib.request.build_opener(*own)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return _Response(response.status, response.headers, response.read(_MAX_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return _Response(error.code, error.headers, b"")
    except urllib.error.URLError as error:
        return Kind.OTHER if isinstance(error.reason, TimeoutError) else Kind.NOTHING
    except (OSError, http.client.HTTPException):
        return Kind.OTHER
