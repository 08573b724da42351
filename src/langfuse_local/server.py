"""Serves the Collector's port, for spans, and Langfuse's, for the API and the pages."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .api.endpoints import PREFIX, Api
from .auth import Keys
from .config import BASE_URL, TRACES_ENDPOINT, TRACES_PATH, local_port
from .identity import IDENTITY_PATH, Identity
from .ownership import owned
from .pages.endpoints import Pages
from .ports import listen
from .receiver.connections import Connection
from .receiver.endpoints import LangfuseReceiver, OtlpReceiver
from .receiver.ingestion import Ingestion
from .receiver.ingestion_job import IngestionJobs
from .responses import ApiResponse
from .store.database import StoreError
from .store.late import LateStore
from .store.retention import Retention
from .store.store import Store
from .version import BACKEND_HEADER, VERSION

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

    from .config import Settings

__all__ = ["build", "open_store", "otlp_app", "serve", "web_app"]

_log = logging.getLogger(__name__)
_OPEN_FILES = 4096
_UNUSABLE = "The database could not be used. The backend's log says why."
_SHUTDOWN_SECONDS = 5  # for requests under way; what got a 200 is on disk already


def web_app(store: Store, ingestion: Ingestion, settings: Settings) -> Starlette:
    """The application on Langfuse's port."""
    keys = Keys(settings.langfuse_public_key, settings.langfuse_secret_key.get_secret_value())
    pages = Pages(store, settings.langfuse_project_id, note=settings.lateness)
    jobs = IngestionJobs(settings.langfuse_project_id, settings.langfuse_public_key)
    receiver = LangfuseReceiver(ingestion, keys, jobs)
    routes: list[BaseRoute] = [
        Route(f"{PREFIX}/otel{TRACES_PATH}", receiver.receive, methods=["POST"]),
        Route(f"{PREFIX}/otel/v1/metrics", receiver.discard, methods=["POST"]),
        Route(IDENTITY_PATH, partial(_identity, store, settings.langfuse_local_data_dir.resolve())),
        *Api(store, keys, settings.langfuse_project_id).routes(),
        *pages.routes(),
    ]
    handlers: dict[type[Exception], ExceptionHandler] = {
        HTTPException: partial(_http_error, pages),
        sqlite3.Error: _unusable,
        StoreError: _unusable,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


async def _identity(store: Store, folder: Path, _: Request) -> ApiResponse:
    counts = await run_in_threadpool(store.counts)
    identity = Identity(os.getpid(), str(folder), counts.traces, counts.observations)
    return ApiResponse(asdict(identity))


def otlp_app(ingestion: Ingestion) -> Starlette:
    """The application on the Collector's port."""
    receiver = OtlpReceiver(ingestion)
    return Starlette(
        routes=[Route(TRACES_PATH, receiver.receive, methods=["POST"])],
        exception_handlers={HTTPException: receiver.refuse},
    )


def build(
    store: Store, settings: Settings, web: Sequence[socket.socket], otlp: Sequence[socket.socket]
) -> uvicorn.Server:
    """A server for listening sockets, to be run with `server.run([*web, *otlp])`."""
    ingestion = Ingestion(store)
    ports = {port: web_app(store, ingestion, settings) for port in _ports(web)}
    ports |= {port: otlp_app(ingestion) for port in _ports(otlp)}
    config = uvicorn.Config(
        _ByPort(ports),
        access_log=False,
        headers=[(BACKEND_HEADER, VERSION)],
        http=Connection,
        lifespan="off",
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ws="none",
    )
    return uvicorn.Server(config)


def open_store(settings: Settings) -> Store:
    """The store that the settings ask for; raises StoreError."""
    if not settings.lateness:
        return Store(settings.database)
    return LateStore(
        settings.database,
        span_seconds=settings.langfuse_local_span_delay_seconds,
        score_seconds=settings.langfuse_local_score_delay_seconds,
    )


def serve(settings: Settings, *, otlp: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises SettingsError, PortTakenError or StoreError before it starts.
    """
    with ExitStack() as stack:
        web_sockets = listen(local_port(BASE_URL, settings.langfuse_base_url), BASE_URL)
        for listener in web_sockets:
            stack.enter_context(listener)
        otlp_sockets = _otlp_sockets(settings) if otlp else []
        for listener in otlp_sockets:
            stack.enter_context(listener)
        stack.enter_context(owned(settings))
        store = stack.enter_context(closing(open_store(settings)))
        stack.enter_context(Retention(store, settings))
        server = build(store, settings, web_sockets, otlp_sockets)
        _allow_many_connections()
        _finish_on_signals(server)
        _announce(settings, otlp=otlp)
        server.run([*web_sockets, *otlp_sockets])
    print("Stopped. The data stays in", settings.database)


class _ByPort:
    """Hands a request to the application of the port it arrived at."""

    def __init__(self, apps: Mapping[int, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)


def _ports(sockets: Sequence[socket.socket]) -> set[int]:
    return {listener.getsockname()[1] for listener in sockets}


def _otlp_sockets(settings: Settings) -> list[socket.socket]:
    endpoint = settings.otel_exporter_otlp_traces_endpoint
    return listen(local_port(TRACES_ENDPOINT, endpoint), TRACES_ENDPOINT)


def _announce(settings: Settings, *, otlp: bool) -> None:
    spans = settings.otel_exporter_otlp_traces_endpoint if otlp else "from a Collector"
    print(f"backend  local, {settings.langfuse_base_url}", flush=True)
    print(f"spans    {spans}")
    print(f"data     {settings.database}")
    if settings.lateness:
        print(f"mode     {settings.lateness}")
    print("Ctrl-C stops it.", flush=True)


def _allow_many_connections() -> None:
    """Raise the limit on open files as far as the system allows: many shells set 256 or 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _finish_on_signals(server: uvicorn.Server) -> None:
    """Make Ctrl-C and SIGTERM stop the server in order and end the program with 0.

    While uvicorn runs, it has handlers of its own, and raises the signal again for these once it
    has stopped. Before it runs, these make it stop at once.
    """

    def finish(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, finish)


def _http_error(pages: Pages, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    path = request.url.path
    if not path.startswith(PREFIX):
        if error.status_code == 404:  # noqa: PLR2004 - HTTP's own
            return pages.missing("page", path)
        return PlainTextResponse(error.detail, error.status_code)
    if error.status_code == 405:  # noqa: PLR2004 - as recorded
        content = {"message": "Method not allowed", "error": "MethodNotAllowedError"}
        return ApiResponse(content, 405)
    return ApiResponse({"message": error.detail}, error.status_code)


async def _unusable(request: Request, error: Exception) -> Response:
    _log.error("The database could not be used: %s", error)
    if request.url.path.startswith(PREFIX):
        return ApiResponse({"message": _UNUSABLE, "error": "ServiceUnavailable"}, 503)
    return PlainTextResponse(_UNUSABLE, 503)
