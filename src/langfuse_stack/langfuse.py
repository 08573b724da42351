"""Langfuse's public API, as far as `make up` asks it: its keys, and whether a span arrives."""

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http import HTTPStatus
from typing import Any, Final

from . import envfile
from .build import ROOT
from .errors import StackError

__all__ = ["URL", "RoundTrip", "knows_keys"]

URL: Final = "http://localhost:3000"

_API = "http://127.0.0.1:3000/api/public"
_TRACES = "http://127.0.0.1:4318/v1/traces"
_DEFAULT_PROJECT = "order-status-demo"  # as in docker-compose.yml
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def knows_keys() -> bool:
    """Tell whether Langfuse answers with the project of `.env`; False while it does not answer.

    Raises:
        StackError: It has other keys, or another project for these.
    """
    try:
        projects = _get("/projects")
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.UNAUTHORIZED:
            raise StackError(
                "Langfuse does not know the keys in .env: both must be the ones of one project."
                " Restore the old ones, or start afresh with make down VOLUMES=1 and make up."
            ) from None
        return False
    except (OSError, ValueError):
        return False
    _check_project([each["id"] for each in projects["data"]])
    return True


def _check_project(known: list[str]) -> None:
    project = _settings().get("LANGFUSE_PROJECT_ID") or _DEFAULT_PROJECT
    if project not in known:
        raise StackError(
            f"LANGFUSE_PROJECT_ID is {project}, but the keys in .env are of {', '.join(known)}:"
            " Langfuse takes the name over at its first start. Links would lead nowhere: restore"
            " it, or start afresh with make down VOLUMES=1 and make up."
        )


class RoundTrip:
    """A span that is sent through the Collector and asked for at Langfuse."""

    def __init__(self) -> None:
        self._trace = secrets.token_hex(16)
        self._is_sent = False

    def is_done(self) -> bool:
        """Send the span unless the Collector has it, and tell whether Langfuse gives it back."""
        try:
            if not self._is_sent:
                _post(_TRACES, _request(self._trace))
                self._is_sent = True
            return bool(_get(f"/v2/observations?traceId={self._trace}")["data"])
        except (OSError, ValueError, KeyError):
            return False


def _request(trace: str) -> dict[str, Any]:
    now = str(time.time_ns())
    span = {
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "name": "make up",
        "kind": 1,
        "startTimeUnixNano": now,
        "endTimeUnixNano": now,
        # An environment of its own: filters of the application's do not show it.
        "attributes": [{"key": "langfuse.environment", "value": {"stringValue": "make-up"}}],
    }
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "make up"}, "spans": [span]}]}]}


def _post(url: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback, as above
    with _NO_PROXY.open(request, timeout=5):
        pass


def _get(path: str) -> Any:
    values = _settings()
    keys = f"{values['LANGFUSE_PUBLIC_KEY']}:{values['LANGFUSE_SECRET_KEY']}"
    request = urllib.request.Request(f"{_API}{path}")  # noqa: S310 - loopback, as above
    request.add_header("Authorization", f"Basic {b64encode(keys.encode()).decode()}")
    with _NO_PROXY.open(request, timeout=5) as answer:
        return json.load(answer)


def _settings() -> dict[str, str]:
    return envfile.read(ROOT / ".env") | os.environ  # as Compose reads them
