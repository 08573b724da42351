"""Spans in: the Collector's OTLP endpoint, and Langfuse's.

Both store a request whole or not at all and answer 200 only for what is on disk; they differ in
who may send and in how they phrase an answer.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Final

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import JSONResponse, Response

from langfuse_local.answers import Answer
from langfuse_local.receiver import langfuse_otlp
from langfuse_local.receiver.body import inflate
from langfuse_local.receiver.otlp import BadRequest, Batch, check_ids, decode
from langfuse_local.receiver.receipt import langfuse_header
from langfuse_local.receiver.weight import check_json, check_values
from langfuse_local.store.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    from langfuse_local.auth import Keys
    from langfuse_local.receiver.intake import Intake
    from langfuse_local.receiver.receipt import Receipts

__all__ = ["LangfuseReceiver", "OtlpReceiver", "read"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_INVALID_ARGUMENT, _UNAVAILABLE = 3, 14  # google.rpc.Code
_RETRYABLE = 503
_UNSUPPORTED = f"Send {_PROTOBUF} or {_JSON}."
_NEWEST: Final = 4  # x-langfuse-ingestion-version of Langfuse 4.16
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


class _NotStoredError(BadRequest):
    """The database refused; Langfuse answers 500, on which the Collector drops the batch."""

    status = _RETRYABLE

    def __init__(self) -> None:
        super().__init__("The spans could not be stored. Send them again later.")


class OtlpReceiver:
    """`POST /v1/traces` as the OTLP/HTTP specification has it.

    https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def receive(self, request: Request) -> Response:
        """Answer in the content type of the request, failures with a google.rpc.Status.

        A request is stored whole or refused, so there is no partial success to report.
        """
        kind = _content_type(request)
        if kind not in {_JSON, _PROTOBUF}:
            return _status(415, _UNSUPPORTED, _JSON)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        try:
            await _take(self._intake, request, partial(read, encoding=encoding, kind=kind))
        except BadRequest as error:
            return _status(error.status, str(error), kind)
        if kind == _JSON:
            return JSONResponse({})
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """A wrong path or method, refused in the same form."""
        http: HTTPException = error  # type: ignore[assignment]  # what this handler is registered for
        kind = _PROTOBUF if _content_type(request) == _PROTOBUF else _JSON
        return _status(http.status_code, f"{http.detail}.", kind, http.headers)


class LangfuseReceiver:
    """`POST /api/public/otel/v1/…`: with the project's keys, answering JSON to everything."""

    def __init__(self, intake: Intake, keys: Keys, receipts: Receipts) -> None:
        self._intake = intake
        self._keys = keys
        self._receipts = receipts

    async def receive(self, request: Request) -> Response:
        """Take spans and answer as Langfuse does, except that 200 means stored and not queued."""
        if refusal := self._keys.refusal(request):
            return refusal
        kind = langfuse_otlp.kind_of(request.headers.get("content-type", ""))
        if kind is None:
            return Answer({"error": "Invalid content type"}, 400)

        def checked(body: bytes) -> Batch:
            batch = langfuse_otlp.read(body, request.headers.get("content-encoding", ""), kind)
            if batch.request.resource_spans:
                _check_version(langfuse_header(request.headers, "ingestion-version"))
            return batch

        try:
            held = await _take(self._intake, request, checked)
        except BadRequest as error:
            return Answer({"error": str(error)}, error.status, _retry(error.status))
        return Answer(self._receipts.job(request.headers) if held else {})

    async def discard(self, request: Request) -> Response:
        """Accept metrics, which Langfuse has no place for, either."""
        if refusal := self._keys.refusal(request):
            return refusal
        try:
            await self._intake.discard(request)
        except BadRequest as error:
            return Answer({"error": str(error)}, error.status, _retry(error.status))
        return Answer({"message": "OK"})


def read(body: bytes, encoding: str, kind: str) -> Batch:
    """The spans of a body by OTLP's specification, as `langfuse_otlp.read` by Langfuse's rules."""
    content = inflate(body, encoding)
    if kind == _JSON:
        check_json(content)
    request = decode(content, kind)
    check_values(request, len(content))
    check_ids(request)
    return Batch(request)


def _check_version(sent: str) -> None:
    found = _WHOLE_NUMBER.match(sent)
    if sent and (found is None or float(found[0]) > _NEWEST):
        raise BadRequest(
            f'Unsupported x-langfuse-ingestion-version: "{sent}". Maximum supported: "{_NEWEST}".'
        )


async def _take(intake: Intake, request: Request, read: Callable[[bytes], Batch]) -> bool:
    try:
        return await intake.take(request, read)
    except (sqlite3.Error, StoreError) as error:
        _log.error("A request was not stored: %s", error)
        raise _NotStoredError from error


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _retry(http: int) -> dict[str, str] | None:
    return {"Retry-After": "1"} if http == _RETRYABLE else None


def _status(
    http: int, message: str, kind: str, headers: Mapping[str, str] | None = None
) -> Response:
    code = _UNAVAILABLE if http == _RETRYABLE else _INVALID_ARGUMENT
    headers = _retry(http) or headers
    if kind == _JSON:
        return JSONResponse({"code": code, "message": message}, http, headers)
    status = Status(code=code, message=message)
    return Response(status.SerializeToString(), http, headers, media_type=_PROTOBUF)
