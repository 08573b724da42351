"""The trace context of a whole request: handler, streamed body and background tasks alike.

A block inside a handler is left before a streaming response sends its body. An ASGI application is
one call that covers all of it.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

from opentelemetry import trace

from .context import span_attributes
from .policy import InvalidTraceContextError

__all__ = ["TraceContextMiddleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUESTS: Final = frozenset({"http", "websocket"})
_log = logging.getLogger(__name__)


class TraceContextMiddleware:
    """Enters the context that the service gives for a request, until all of its work is done.

    A server span that is already active, such as one of opentelemetry-instrumentation-asgi around
    this middleware, is stamped too. Bad context is logged, and the request is answered without it.

    Args:
        app: The application inside.
        context_of: From the request's scope to the service's context manager, such as
            `langfuse_trace_context(...)`, or None for a request without a context.
    """

    def __init__(
        self, app: App, *, context_of: Callable[[Scope], AbstractContextManager[None] | None]
    ) -> None:
        self._app = app
        self._context_of = context_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        with ExitStack() as stack:
            if scope["type"] in _REQUESTS:
                self._enter(scope, stack)
            await self._app(scope, receive, send)

    def _enter(self, scope: Scope, stack: ExitStack) -> None:
        try:
            context = self._context_of(scope)
            if context is not None:
                stack.enter_context(context)
                trace.get_current_span().set_attributes(span_attributes())
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the service
            # The policy says what is wrong and never repeats a value.
            what = (
                str(error) if isinstance(error, InvalidTraceContextError) else type(error).__name__
            )
            _log.warning("A request runs without its trace context: %s", what)
