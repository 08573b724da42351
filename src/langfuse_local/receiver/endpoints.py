"""Receives spans at the Collector's OTLP endpoint, and at Langfuse's.

Both store a request whole or not at all and answer 200 only for what is on disk; they differ in
authentication and in the form of their answers.
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

from ..responses import ApiResponse
from ..store.database import StoreError
from . import langfuse_otlp
from .body import inflate
from .ingestion_job import langfuse_header
from .limits import check_json_size, check_value_count
from .otlp import BadRequest, Batch, check_ids, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    from ..auth import Keys
    from .ingestion import Ingestion
    from .ingestion_job import IngestionJobs

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

    def __init__(self, ingestion: Ingestion) -> None:
        self._ingestion = ingestion

    async def receive(self, request: Request) -> Response:
        """Answer in the content type of the request, failures with a google.rpc.Status.

        A request is stored whole or refused, so there is no partial success to report.
        """
        kind = _content_type(request)
        if kind not in {_JSON, _PROTOBUF}:
            return _status(415, _UNSUPPORTED, _JSON)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        try:
            await _store(self._ingestion, request, partial(read, encoding=encoding, kind=kind))
        except BadRequest as error:
            return _status(error.status, str(error), kind)
        if kind == _JSON:
            return JSONResponse({})
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Refuse a wrong path or method in the same form."""
        http: HTTPException = error  # type: ignore[assignment]  # what this handler is registered for
        kind = _PROTOBUF if _content_type(request) == _PROTOBUF else _JSON
        return _status(http.status_code, f"{http.detail}.", kind, http.headers)


class LangfuseReceiver:
    """`POST /api/public/otel/v1/…`: with the project's keys, answering JSON to everything."""

    def __init__(self, ingestion: Ingestion, keys: Keys, jobs: IngestionJobs) -> None:
        self._ingestion = ingestion
        self._keys = keys
        self._jobs = jobs

    async def receive(self, request: Request) -> Response:
        """Store spans and answer as Langfuse does, except that 200 means stored and not queued."""
        if refusal := self._keys.refusal(request):
            return refusal
        kind = langfuse_otlp.kind_of(request.headers.get("content-type", ""))
        if kind is None:
            return ApiResponse({"error": "Invalid content type"}, 400)

        def read_supported(body: bytes) -> Batch:
            batch = langfuse_otlp.read(body, request.headers.get("content-encoding", ""), kind)
            if batch.request.resource_spans:
                _check_version(langfuse_header(request.headers, "ingestion-version"))
            return batch

        try:
            is_stored = await _store(self._ingestion, request, read_supported)
        except BadRequest as error:
            return ApiResponse({"error": str(error)}, error.status, _retry(error.status))
        return ApiResponse(self._jobs.answer(request.headers) if is_stored else {})

    async def discard(self, request: Request) -> Response:
        """Accept metrics and drop them, as Langfuse does."""
        if refusal := self._keys.refusal(request):
            return refusal
        try:
            await self._ingestion.discard(request)
        except BadRequest as error:
            return ApiResponse({"error": str(error)}, error.status, _retry(error.status))
        return ApiResponse({"message": "OK"})


def read(body: bytes, encoding: str, kind: str) -> Batch:
    """The spans of a body by the specification of OTLP; `langfuse_otlp.read` is looser."""
    content = inflate(body, encoding)
    if kind == _JSON:
        check_json_size(content)
    request = decode(content, kind)
    check_value_count(request, len(content))
    check_ids(request)
    return Batch(request)


def _check_version(text: str) -> None:
    number = _WHOLE_NUMBER.match(text)
    if text and (number is None or float(number[0]) > _NEWEST):
        raise BadRequest(
            f'Unsupported x-langfuse-ingestion-version: "{text}". Maximum supported: "{_NEWEST}".'
        )


async def _store(ingestion: Ingestion, request: Request, read: Callable[[bytes], Batch]) -> bool:
    try:
        return await ingestion.store(request, read)
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
