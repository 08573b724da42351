"""A backend in the place of Langfuse: takes OTLP over a real socket, answers as it is told."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

PATH = "/api/public/otel/v1/traces"


@dataclass(frozen=True)
class Answer:
    """What to say to a request: nothing at all for `delay` seconds, then the status."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


class Sink:
    """Keeps what it answered 200 to; can be taken down and come back on the same port."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.requests: list[Mapping[str, str]] = []
        self.resource_spans: list[ResourceSpans] = []
        self.spans: dict[bytes, Span] = {}
        self.changed = threading.Condition()
        self._released = threading.Event()
        self._server: _Server | None = None
        self.port = 0

    def up(self) -> None:
        """Listen: on a free port the first time, later on the same one."""
        self._released.clear()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def down(self) -> None:
        """Stop listening, and hang up on requests that are being delayed."""
        if self._server is None:
            return
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = None

    @property
    def endpoint(self) -> str:
        """Return the address for LANGFUSE_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}/api/public/otel"

    def wait_for_spans(self, count: int, *, seconds: float = 30.0) -> dict[bytes, Span]:
        """Wait until that many different spans are kept; return them by id.

        One that came twice counts once: delivery is at least once, and Langfuse merges by id.
        """
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.spans) >= count, timeout=seconds)
        assert arrived, f"{len(self.spans)} of {count} spans arrived within {seconds} s"
        return dict(self.spans)

    def wait_for_requests(self, count: int, *, seconds: float = 30.0) -> None:
        """Wait until that many requests have come in, whatever was answered."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.requests) >= count, timeout=seconds)
        assert arrived, f"{len(self.requests)} of {count} requests came within {seconds} s"

    def receive(self, handler: "_Handler") -> Answer:
        """Take one request; called on the handler's thread."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self.changed:
            answer = self.answer
            self.requests.append({**handler.headers, ":path": handler.path})
            self.changed.notify_all()
        if self._released.wait(answer.delay):
            return Answer(status=0)
        if answer.status == 200:
            request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
            with self.changed:
                self._keep(request)
                self.changed.notify_all()
        return answer

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        self.resource_spans.extend(request.resource_spans)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.update((span.span_id, span) for span in scope.spans)


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], sink: Sink) -> None:
        self.sink = sink
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        answer = self.server.sink.receive(self)
        if answer.status == 0:
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test's output is not a server log."""


@contextmanager
def sink_up() -> Iterator[Sink]:
    """Run a sink for a block."""
    sink = Sink()
    sink.up()
    try:
        yield sink
    finally:
        sink.down()
