"""Spans in: the Collector's OTLP endpoint, and Langfuse's.

Both store a request whole or not at all and answer 200 only for what is on disk; they differ in
who may send and in how they phrase an answer.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from langfuse_local.answers import Answer
from langfuse_local.body import TooLargeError, inflate, read
from langfuse_local.mapping import observations
from langfuse_local.otlp import BadRequest, check_ids, decode

if TYPE_CHECKING:
    from starlette.requests import Request

    from langfuse_local.auth import Keys
    from langfuse_local.store import Store

__all__ = ["LangfuseReceiver", "OtlpReceiver"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_INVALID_ARGUMENT, _UNAVAILABLE = 3, 14  # google.rpc.Code
_UNSUPPORTED = f"Send {_PROTOBUF} or {_JSON}."
_NOT_STORED = "The spans could not be stored. Send them again later."


class OtlpReceiver:
    """`POST /v1/traces` as the OTLP/HTTP specification has it.

    https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def receive(self, request: Request) -> Response:
        """Answer in the content type of the request, failures with a google.rpc.Status."""
        kind = _content_type(request)
        if kind not in {_JSON, _PROTOBUF}:
            return _status(415, _INVALID_ARGUMENT, _UNSUPPORTED, _JSON)
        try:
            await _take(request, kind, self._store)
        except TooLargeError as error:
            return _status(413, _INVALID_ARGUMENT, str(error), kind)
        except BadRequest as error:
            return _status(400, _INVALID_ARGUMENT, str(error), kind)
        except sqlite3.Error:
            _log.exception("A request was not stored")
            return _status(503, _UNAVAILABLE, _NOT_STORED, kind)
        return _stored(kind)


class LangfuseReceiver:
    """`POST /api/public/otel/v1/traces`: with the project's keys, answering JSON to everything."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    async def receive(self, request: Request) -> Response:
        """Answer as Langfuse does, except that 200 means stored and not queued."""
        if refusal := self._keys.refusal(request):
            return refusal
        kind = _content_type(request)
        if kind not in {_JSON, _PROTOBUF}:
            return Answer({"error": "Invalid content type"}, 400)
        try:
            await _take(request, kind, self._store)
        except TooLargeError as error:
            return Answer({"error": str(error)}, 413)
        except BadRequest as error:
            return Answer({"error": str(error)}, 400)
        except sqlite3.Error:
            # Langfuse answers 500 here, on which the Collector drops the batch; on 503 it retries.
            _log.exception("A request was not stored")
            return Answer({"error": _NOT_STORED}, 503)
        return Answer({})


async def _take(request: Request, kind: str, store: Store) -> None:
    try:
        body = await read(request)
    except ClientDisconnect as error:
        raise BadRequest("The body ended before it was complete.") from error
    encoding = request.headers.get("content-encoding", "").strip().lower()
    await run_in_threadpool(_store, body, encoding, kind, store)


def _store(body: bytes, encoding: str, kind: str, store: Store) -> None:
    request = decode(inflate(body, encoding), kind)
    check_ids(request)
    store.save(observations(request, store.prices))


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _stored(kind: str) -> Response:
    if kind == _JSON:
        return JSONResponse({})
    return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)


def _status(http: int, code: int, message: str, kind: str) -> Response:
    if kind == _JSON:
        return JSONResponse({"code": code, "message": message}, http)
    status = Status(code=code, message=message)
    return Response(status.SerializeToString(), http, media_type=_PROTOBUF)
