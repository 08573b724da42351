"""Baggage and real HTTP: instrumented clients and an instrumented server, over real sockets."""

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import uvicorn
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from langfuse_otel.propagation import TrustedHostsPropagator

from .test_peers import SESSION, USER, turn

FORGED = {
    "baggage": "langfuse.user.id=somebody-else,langfuse.session.id=theirs",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


async def headers(request: Request) -> Response:
    """Answer with the headers that came, from inside a turn of our own if asked to."""
    if "turn" in request.query_params:
        with turn():
            trace.get_tracer("server").start_span("work").end()
    else:
        trace.get_tracer("server").start_span("work").end()
    return JSONResponse(dict(request.headers))


async def redirect(request: Request) -> Response:
    """Send the client to another host name of the same server."""
    port = request.url.port
    return RedirectResponse(f"http://127.0.0.1:{port}/headers")


@pytest.fixture(scope="module", name="server")
def _server(provider: TracerProvider) -> Iterator[str]:
    routes = [Route("/headers", headers), Route("/redirect", redirect)]
    app = Starlette(routes=routes)
    StarletteInstrumentor.instrument_app(app, tracer_provider=provider)
    RequestsInstrumentor().instrument(tracer_provider=provider)
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    RequestsInstrumentor().uninstrument()
    HTTPXClientInstrumentor().uninstrument()


@pytest.mark.parametrize("get", [requests.get, httpx.get], ids=["requests", "httpx"])
def test_no_baggage_header_leaves(server: str, get: type, spans: InMemorySpanExporter) -> None:
    """An instrumented client sends traceparent, and nothing of the context."""
    with turn():
        sent = get(f"{server}/headers", timeout=5).json()
    assert "traceparent" in sent
    assert "baggage" not in sent
    assert SESSION not in str(sent)
    assert spans.get_finished_spans()


def test_a_forged_header_changes_nothing(server: str, spans: InMemorySpanExporter) -> None:
    """Spans of the request have no user of the caller's making; a turn inside has its own."""
    requests.Session().get(f"{server}/headers", headers=FORGED, timeout=5)
    assert spans.get_finished_spans()
    for span in spans.get_finished_spans():
        assert not [key for key in span.attributes or {} if key.startswith("langfuse.")]
    spans.clear()
    requests.Session().get(f"{server}/headers?turn", headers=FORGED, timeout=5)
    [work] = [span for span in spans.get_finished_spans() if span.name == "work"]
    assert work.attributes is not None
    assert work.attributes["langfuse.user.id"] == USER


def test_a_trusted_host_is_opt_in(server: str, spans: InMemorySpanExporter) -> None:
    """Localhost is trusted here: it gets the header; the host it redirects to does not."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(TrustedHostsPropagator(["localhost"]))
    try:
        with turn():
            assert SESSION in requests.get(f"{server}/headers", timeout=5).json()["baggage"]
            assert SESSION in httpx.get(f"{server}/headers", timeout=5).json()["baggage"]
            elsewhere = httpx.get(f"{server}/redirect", timeout=5, follow_redirects=True).json()
        assert elsewhere["host"].startswith("127.0.0.1")
        assert "baggage" not in elsewhere
    finally:
        propagate.set_global_textmap(before)
    assert spans.get_finished_spans()


def test_redirects_of_clients_that_do_not_ask_again(
    server: str, spans: InMemorySpanExporter
) -> None:
    """As the documents say: requests takes the header along, unless redirects are switched off."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(TrustedHostsPropagator(["localhost"]))
    own = {"baggage": "channel=app"}
    try:
        with turn():
            followed = requests.get(f"{server}/redirect", timeout=5).json()
            stopped = requests.get(f"{server}/redirect", timeout=5, allow_redirects=False)
            kept = requests.get(
                server.replace("localhost", "127.0.0.1") + "/headers", headers=own, timeout=5
            ).json()
            elsewhere = httpx.get(
                f"{server}/redirect", headers=own, timeout=5, follow_redirects=True
            ).json()
    finally:
        propagate.set_global_textmap(before)
    assert SESSION in followed["baggage"]
    assert stopped.status_code == 307
    assert kept["baggage"] == elsewhere["baggage"] == "channel=app"
    assert spans.get_finished_spans()


@pytest.mark.parametrize("name", ["urllib", "aiohttp"])
def test_a_client_that_is_injected_once_follows_with_the_header(server: str, name: str) -> None:
    """What urllib and aiohttp do with a header that was set before their first request."""
    headers = {"baggage": "channel=app"}
    if name == "urllib":
        request = urllib.request.Request(f"{server}/redirect", headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            found = json.load(answer)
    else:

        async def get() -> Any:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{server}/redirect", headers=headers) as answer,
            ):
                return await answer.json()

        found = asyncio.run(get())
    assert found["host"].startswith("127.0.0.1")
    assert found["baggage"] == "channel=app"
