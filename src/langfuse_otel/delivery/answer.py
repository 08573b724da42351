"""What a receiver's answer says: only an OTLP success is one.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

__all__ = ["MAX_ANSWER_BYTES", "Verdict", "judge"]

MAX_ANSWER_BYTES: Final = 2**20
_OK: Final = 200
_TOO_LARGE: Final = 413
_BAD_REQUEST: Final = 400
# A gateway says these when the server behind it did not answer: it may have stored the batch.
_UNKNOWN_FATE: Final = frozenset({502, 504})
_PARTIAL: Final = frozenset({"partialSuccess", "partial_success"})
_LANGFUSE_JOB: Final = "otel-ingestion-job"  # Langfuse answers with the job that it has queued.


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch.

    Attributes:
        problem: Why the answer is no success, one clause; empty for a success.
        rejected: Spans that a success says were not stored.
        is_unknown: Whether the batch may have been stored all the same.
        is_too_large: Whether a smaller batch may be taken.
    """

    problem: str = ""
    rejected: int = 0
    is_unknown: bool = False
    is_too_large: bool = False


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Read an answer; of the body, not more than one byte beyond the maximum is needed."""
    named = f"it answered {status} {responses.get(status, '')}".rstrip()
    if status >= _BAD_REQUEST:
        is_large = status == _TOO_LARGE or (
            # The Collector's answer to a body above its maximum.
            status == _BAD_REQUEST and b"too large" in body.lower()
        )
        return Verdict(named, is_unknown=status in _UNKNOWN_FATE, is_too_large=is_large)
    if not 200 <= status < 300:  # noqa: PLR2004 - the success codes
        return _no_receiver(named)
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        content = _inflated(headers.get("Content-Encoding", ""), body)
    except zlib.error:  # Or in an encoding that nobody asked for.
        kind, content = "unreadable", b""
    rejected = _rejected(kind, content)
    if rejected is None:
        return _no_receiver(f"it answered {_described(kind, content)}")
    if status != _OK:
        return Verdict(f"{named} where OTLP's success is 200", is_unknown=True)
    return Verdict(rejected=rejected)


def _no_receiver(what: str) -> Verdict:
    return Verdict(f"{what}, as something does that is no OTLP receiver")


def _inflated(encoding: str, body: bytes) -> bytes:
    if encoding.strip().lower() in {"", "identity"} or not body:
        return body
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    content = stream.decompress(body, MAX_ANSWER_BYTES + 1)
    if not stream.eof and len(content) <= MAX_ANSWER_BYTES:
        raise zlib.error("The end is missing.")
    return content


def _rejected(kind: str, body: bytes) -> int | None:
    """Return how many spans the success rejects, None if it is none."""
    if len(body) > MAX_ANSWER_BYTES:
        return None
    if kind == "application/json" or (not kind and body.lstrip().startswith(b"{")):
        return _rejected_in_json(body)
    if kind in {"", "application/x-protobuf", "application/protobuf"}:
        return _rejected_in_protobuf(body, is_named=bool(kind))
    return None


def _rejected_in_json(body: bytes) -> int | None:
    try:
        document: Any = json.loads(body or b"{}")
        if not isinstance(document, dict) or not _is_otlp(document):
            return None
        partial = {key: value for key, value in document.items() if key in _PARTIAL}
        return _count(ParseDict(partial, ExportTraceServiceResponse()))
    except (ParseError, ValueError, RecursionError):
        return None


def _is_otlp(document: dict[str, Any]) -> bool:
    return document.keys() <= _PARTIAL or document.get("name") == _LANGFUSE_JOB


def _rejected_in_protobuf(body: bytes, *, is_named: bool) -> int | None:
    try:
        answer = ExportTraceServiceResponse.FromString(body)
    except DecodeError:
        return _rejected_in_json(body)  # Some receivers name one and write the other.
    size = answer.ByteSize()
    answer.DiscardUnknownFields()
    # What happens to decode, but says nothing that is known, is some other text.
    return _count(answer) if is_named or answer.ByteSize() == size else None


def _count(answer: ExportTraceServiceResponse) -> int:
    return max(answer.partial_success.rejected_spans, 0)


def _described(kind: str, body: bytes) -> str:
    if len(body) > MAX_ANSWER_BYTES:
        return "more than 1 MiB"
    if "html" in kind or body.lstrip()[:1] == b"<":
        return "an HTML page"
    return "JSON of another kind" if body.lstrip()[:1] == b"{" else "some other text"
