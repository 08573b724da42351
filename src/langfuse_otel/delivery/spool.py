"""Spans that could not be delivered, kept on disk as OTLP/JSON lines until `make resend`.

Opt-in, for a machine without a Collector, whose persistent queue is the normal answer. A file is
one batch, so that a crash while it is sent again loses and halves nothing.
"""

import base64
import itertools
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import requests
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.re import parse_env_headers

from .transport import trusts_environment

__all__ = ["Spool", "resend"]

_IDS: Final = ("traceId", "spanId", "parentSpanId")
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_log = logging.getLogger(__name__)


class Spool:
    """A directory of batches, at most `max_bytes` large; the oldest give way.

    Attributes:
        kept: Spans kept by this process.
        removed: Spans, of this process or another, that had to give way.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self.kept = 0
        self.removed = 0
        self._directory = directory
        self._max_bytes = max_bytes
        self._numbers = itertools.count()

    def keep(self, spans: Sequence[ReadableSpan]) -> None:
        """Write a batch, readable by the owner alone; never raise into the exporter."""
        try:
            line = json.dumps(_otlp(spans), ensure_ascii=False, separators=(",", ":")) + "\n"
            self._make_room(len(line.encode()))
            self._write(line.encode(), len(spans))
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the agent
            _log.warning("Spans could not be kept in the spool: %s.", type(error).__name__)

    def batches(self) -> list[Path]:
        """Return the files, oldest first."""
        return sorted(self._directory.glob("*.jsonl"))

    def _write(self, data: bytes, spans: int) -> None:
        if len(data) > self._max_bytes:
            self.removed += spans
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = next(self._numbers)
        path = self._directory / f"{time.time_ns()}-{os.getpid()}-{number:06}-{spans}.jsonl"
        part = path.with_suffix(".part")
        with open(part, "xb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        self.kept += spans

    def _make_room(self, size: int) -> None:
        files = self.batches()
        used = sum(path.stat().st_size for path in files)
        for path in files:
            if used + size <= self._max_bytes:
                return
            used -= path.stat().st_size
            path.unlink()
            self.removed += _spans_in(path)


def resend(spool: Spool, *, endpoint: str, timeout_seconds: float) -> tuple[int, int, str]:
    """Send what the spool holds; a batch leaves it when the endpoint said that it has it.

    Returns:
        Spans sent, spans left, and why the first batch that is left was not taken.
    """
    sent, left, cause = 0, 0, ""
    headers = {"Content-Type": "application/json", **dict(_environment_headers())}
    with requests.Session() as session:
        session.trust_env = trusts_environment(endpoint)
        session.headers.update(headers)
        for path in spool.batches():
            problem = _post(session, path, endpoint, timeout_seconds)
            if problem:
                cause, left = cause or problem, left + _spans_in(path)
            else:
                path.unlink(missing_ok=True)
                sent += _spans_in(path)
    return sent, left, cause


def _post(session: requests.Session, path: Path, endpoint: str, timeout: float) -> str:
    try:
        response = session.post(
            endpoint, data=path.read_bytes(), timeout=timeout, allow_redirects=False
        )
    except FileNotFoundError:  # Another resend was faster.
        return ""
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    is_page = "html" in response.headers.get("Content-Type", "")
    if response.status_code == requests.codes.ok and not is_page:
        return ""
    return f"it answered {response.status_code}{' with an HTML page' if is_page else ''}"


def _environment_headers() -> Iterator[tuple[str, str]]:
    for name in _HEADERS:
        yield from parse_env_headers(os.environ.get(name, ""), liberal=True).items()


def _otlp(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return OTLP/JSON: protobuf's JSON, except that ids are hex digits."""
    data: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in data.get("resourceSpans", ()):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for holder in (span, *span.get("links", ())):
                    _make_ids_hex(holder)
    return data


def _make_ids_hex(holder: dict[str, Any]) -> None:
    for name in _IDS:
        if name in holder:
            holder[name] = base64.b64decode(holder[name]).hex()


def _spans_in(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
