"""Plain HTTP and hand-written OTLP for the tests of the local backend."""

from __future__ import annotations

import base64
import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message

    from langfuse_local.store.store import Store

KEYS = "pk-lf-demo:sk-lf-demo"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def ask(
    url: str,
    body: bytes | None = None,
    *,
    keys: str | None = KEYS,
    method: str | None = None,
    **headers: str,
) -> Reply:
    """GET, or POST if there is a body; header names are given with underscores."""
    request = urllib.request.Request(url, body, method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    if keys is not None:
        request.add_header("Authorization", f"Basic {base64.b64encode(keys.encode()).decode()}")
    try:
        with _OPENER.open(request, timeout=30) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


@dataclass(frozen=True)
class Backend:
    """A running backend."""

    web: str
    otlp: str
    store: Store

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        """What the public API lists."""
        rows: list[dict[str, Any]] = ask(f"{self.web}/api/public/v2/observations{query}").json[
            "data"
        ]
        return rows


def span(**changes: Any) -> dict[str, Any]:
    """One span in OTLP/JSON."""
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "work",
        "startTimeUnixNano": "1795168800000000000",
        "endTimeUnixNano": "1795168800020000000",
        "attributes": [],
        **changes,
    }


def request_of(*spans: dict[str, Any]) -> bytes:
    """An OTLP/JSON request with these spans."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
