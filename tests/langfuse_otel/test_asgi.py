"""The ASGI middleware: one context for all of a request, and never an error because of it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from langfuse_otel import InvalidTraceContextError, attach, restore, span_attributes
from langfuse_otel.asgi import TraceContextMiddleware

SESSION = "langfuse.session.id"
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")


@contextmanager
def turn(session: str) -> Iterator[None]:
    """A service's context manager, of one field."""
    if "@" in session:
        raise InvalidTraceContextError("session_id looks like an e-mail address.")
    block = attach(attributes={SESSION: session}, entries={SESSION: session})
    try:
        yield
    finally:
        restore(block)


def of_header(scope: Any) -> AbstractContextManager[None] | None:
    """The session of a request is in a header here."""
    session = dict(scope["headers"]).get(b"session")
    return turn(session.decode()) if session else None


class Requests:
    """A streaming application, what its parts saw of the context, and the body it sent."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        app = Starlette(routes=[Route("/", self._answer)])
        app.add_middleware(TraceContextMiddleware, context_of=of_header)
        self.app = app

    async def _answer(self, _: Request) -> StreamingResponse:
        self._look("handler")
        return StreamingResponse(
            self._body(), background=BackgroundTask(self._look, "background task")
        )

    async def _body(self) -> Any:
        for part in ("one", "two"):
            await asyncio.sleep(0)
            self._look(f"body {part}")
            yield part

    def _look(self, where: str) -> None:
        self.seen[where] = span_attributes().get(SESSION)

    async def get(self, session: str) -> int:
        """Send one request through the ASGI interface, and return the status."""
        statuses: list[int] = []

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        async def receive() -> Any:
            await asyncio.Event().wait()  # The client stays, and sends nothing.

        headers = [(b"session", session.encode())] if session else []
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": headers,
            "query_string": b"",
        }
        await self.app({**scope, "http_version": "1.1", "scheme": "http"}, receive, send)
        return statuses[0]


def test_handler_body_and_background_task_share_the_context() -> None:
    """What is streamed after the handler has returned has the session, too; nothing stays behind."""
    requests = Requests()
    assert asyncio.run(requests.get("conv_1")) == 200
    parts = ("handler", "body one", "body two", "background task")
    assert requests.seen == dict.fromkeys(parts, "conv_1")
    assert span_attributes() == {}


def test_many_requests_at_once_never_mix() -> None:
    """Each of 200 interleaved requests sees its own session alone."""

    async def one(number: int) -> None:
        requests = Requests()
        await requests.get(f"conv_{number}")
        assert set(requests.seen.values()) == {f"conv_{number}"}

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(200)))

    asyncio.run(all_of_them())


def test_a_server_span_around_it_is_stamped() -> None:
    """The span of an instrumentation outside the middleware carries the session of its request."""

    async def instrumented() -> ReadableSpan:
        with tracer.start_as_current_span("GET /") as span:
            await Requests().get("conv_1")
        assert isinstance(span, ReadableSpan)
        return span

    assert dict(asyncio.run(instrumented()).attributes or {}) == {SESSION: "conv_1"}


@pytest.mark.parametrize("session", ["jane@example.com", ""])
def test_bad_context_is_no_error_for_the_caller(
    session: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A request is answered without its context; the log names the field and never the value."""
    before = otel_context.get_current()
    requests = Requests()
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(requests.get(session)) == 200
    assert set(requests.seen.values()) == {None}
    assert otel_context.get_current() == before
    assert len(caplog.records) == (1 if session else 0)
    assert "jane" not in caplog.text


def test_a_fault_of_the_services_function_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An error in `context_of` costs the context, not the request."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        answered.append(True)

    def broken(_: Any) -> None:
        raise KeyError("jane@example.com")

    answered: list[bool] = []
    middleware = TraceContextMiddleware(app, context_of=broken)
    nothing: Any = None
    asyncio.run(middleware({"type": "http"}, nothing, nothing))
    assert answered
    assert "KeyError" in caplog.text
    assert "jane" not in caplog.text
