"""The answer to accepted spans: the queued job that stores them at Langfuse.

Here the spans are stored already, and no job follows. The answer has the keys that were recorded
from Langfuse 4.16, with fresh ids and the current time, so that clients can read it.
"""

from __future__ import annotations

import itertools
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ..auth import ORGANIZATION
from ..timestamps import iso

if TYPE_CHECKING:
    from starlette.datastructures import Headers

__all__ = ["IngestionJobs", "langfuse_header"]

_JOB: Final = "otel-ingestion-job"
_ROUTE: Final = "POST /api/public/otel/v1/traces"
_UNKNOWN: Final = "unknown"


class IngestionJobs:
    """The jobs of one project, numbered from 1 as a queue would."""

    def __init__(self, project_id: str, public_key: str) -> None:
        self._project_id = project_id
        self._public_key = public_key
        self._numbers = itertools.count(1)

    def answer(self, headers: Headers) -> dict[str, Any]:
        """The answer to a request with these headers; it names the SDK that sent them."""
        now = time.time_ns() // 1000
        return {
            "name": _JOB,
            "data": {
                "id": str(uuid.uuid4()),
                "timestamp": iso(now),
                "name": _JOB,
                "payload": self._payload(headers, now),
            },
            "opts": self._options(),
            "id": str(next(self._numbers)),
            "progress": 0,
            "returnvalue": None,
            "stacktrace": None,
            "priority": 0,
            "attemptsStarted": 0,
            "attemptsMade": 0,
            "stalledCounter": 0,
            "timestamp": now // 1000,
            "queueQualifiedName": "bull:otel-ingestion-queue",
        }

    def _payload(self, headers: Headers, now: int) -> dict[str, Any]:
        minute = datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y/%m/%d/%H/%M")
        file = f"events/otel/{self._project_id}/{minute}/{uuid.uuid4()}.json"
        scope = {
            "projectId": self._project_id,
            "accessLevel": "project",
            "orgId": ORGANIZATION,
        }
        return {
            "data": {"fileKey": file, "publicKey": self._public_key},
            "authCheck": {"validKey": True, "scope": scope},
            "sdkName": langfuse_header(headers, "sdk-name") or _UNKNOWN,
            "sdkVersion": langfuse_header(headers, "sdk-version") or _UNKNOWN,
            "ingestionVersion": langfuse_header(headers, "ingestion-version"),
        }

    def _options(self) -> dict[str, Any]:
        """The queue's settings, and the context that its worker would go on in."""
        baggage = {
            "langfuse.clickhouse.surface": "publicapi",
            "langfuse.clickhouse.route": _ROUTE,
            "langfuse.project.id": self._project_id,
            "langfuse.api_key.id": self._public_key,
        }
        return {
            "attempts": 6,
            "removeOnComplete": True,
            "removeOnFail": 100_000,
            "backoff": {"type": "exponential", "delay": 5000},
            "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
            "baggage": ",".join(f"{key}={quote(value, safe='')}" for key, value in baggage.items()),
        }


def langfuse_header(headers: Headers, name: str) -> str:
    """A header `x-langfuse-…`, also spelled with underscores; empty if there is none."""
    full = f"x-langfuse-{name}"
    return headers.get(full, headers.get(full.replace("-", "_"), ""))
