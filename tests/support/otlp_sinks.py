"""An OTLP receiver on a real socket of this machine, that misbehaves as it is told."""

import gzip
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

__all__ = [
    "MODES",
    "Answer",
    "Sink",
    "accepting",
    "answering",
    "limited",
    "sink",
    "slow",
    "trickling",
]

Answer = Callable[["Sink", socket.socket, bytes], None]


class Sink:
    """A receiver on a port of the loopback: keeps what it accepts, and answers as it is told.

    It can be taken down and come back on the same port.

    Attributes:
        answer: What is done with each request from now on.
        requests: Headers of every request, and its path as `:path`.
        resource_spans: What was accepted, in order.
        by_id: The spans of it, by their ids.
        changed: Notified with every request.
        stop: Set while nothing listens: whoever is answering slowly gives up.
    """

    def __init__(self, answer: Answer, *, port: int = 0, path: str = "/v1/traces") -> None:
        self.answer = answer
        self.path = path
        self.port = port
        self.requests: list[Mapping[str, str]] = []
        self.resource_spans: list[ResourceSpans] = []
        self.by_id: dict[bytes, Span] = {}
        self.changed = threading.Condition()
        self.stop = threading.Event()
        self._listener: socket.socket | None = None

    def bind(self) -> socket.socket:
        """Take the port, without listening yet."""
        listener = self._listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        return listener

    def up(self) -> None:
        """Listen: on a free port the first time, later on the same one."""
        self.stop.clear()
        listener = self.bind()
        listener.listen(64)
        threading.Thread(target=_serve, args=(listener, self), daemon=True).start()

    def down(self) -> None:
        """Stop listening, and hang up on requests that are being answered slowly."""
        self.stop.set()
        if self._listener is not None:
            with suppress(OSError):  # Not connected, if it never listened.
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    @property
    def endpoint(self) -> str:
        """Return the whole address that spans are posted to."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def spans(self) -> list[Span]:
        """Return the spans that were accepted, in order; one that came twice is there twice."""
        return [s for r in self.resource_spans for scope in r.scope_spans for s in scope.spans]

    @property
    def span_ids(self) -> list[str]:
        """Return their ids, in hex digits."""
        return [span.span_id.hex() for span in self.spans]

    def values(self, name: str) -> list[str]:
        """Return a text attribute of every root span that has it, in the order of arrival."""
        return [
            each.value.string_value
            for span in self.spans
            if not span.parent_span_id
            for each in span.attributes
            if each.key == name
        ]

    def store(self, body: bytes) -> None:
        """Keep the request's spans, as a receiver does before it answers 200."""
        with self.changed:
            request = ExportTraceServiceRequest.FromString(body)
            self.resource_spans += request.resource_spans
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.by_id |= {span.span_id: span for span in scope.spans}
            self.changed.notify_all()

    def wait_for_spans(self, count: int, *, seconds: float = 30.0) -> dict[bytes, Span]:
        """Wait until that many different spans are kept; return them by id.

        One that came twice counts once: delivery is at least once, and Langfuse merges by id.
        """
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.by_id) >= count, timeout=seconds)
        assert arrived, f"{len(self.by_id)} of {count} spans arrived within {seconds} s"
        return dict(self.by_id)

    def wait_for_requests(self, count: int, *, seconds: float = 30.0) -> None:
        """Wait until that many requests have come in, whatever was answered."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.requests) >= count, timeout=seconds)
        assert arrived, f"{len(self.requests)} of {count} requests came within {seconds} s"


def _reply(client: socket.socket, status: str, body: bytes = b"", headers: str = "") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    client.sendall(head.encode() + body)


def accepting(sink: Sink, client: socket.socket, body: bytes) -> None:
    """Keep everything."""
    sink.store(body)
    _reply(client, "200 OK", b"", "Content-Type: application/x-protobuf\r\n")


def slow(seconds: float) -> Answer:
    """Keep everything after a pause, unless the sink is taken down in it."""

    def answer(sink: Sink, client: socket.socket, body: bytes) -> None:
        if not sink.stop.wait(seconds):
            accepting(sink, client, body)

    return answer


def _partial(sink: Sink, client: socket.socket, body: bytes) -> None:
    sink.store(body)
    partial = ExportTracePartialSuccess(rejected_spans=len(sink.spans))
    answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    sink.resource_spans.clear()
    _reply(client, "200 OK", answer, "Content-Type: application/x-protobuf\r\n")


def _hang(sink: Sink, _client: socket.socket, _body: bytes) -> None:
    sink.stop.wait()


def _reset(_sink: Sink, client: socket.socket, _body: bytes) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError  # Closing the socket is the caller's, and resets it.


def trickling(begin: str, piece: bytes = b"x", seconds: float = 0.1) -> Answer:
    """Answer with a beginning, and then a piece at a time for as long as anybody listens."""

    def answer(sink: Sink, client: socket.socket, _body: bytes) -> None:
        client.sendall(begin.encode())
        while not sink.stop.wait(seconds):
            client.sendall(piece)

    return answer


def limited(bytes_taken: int, refusal: Answer) -> Answer:
    """Accept requests up to a size, and refuse the others."""
    return lambda sink, client, body: (accepting if len(body) <= bytes_taken else refusal)(
        sink, client, body
    )


def answering(status: str, headers: str = "", body: bytes = b"") -> Answer:
    """Answer every request alike, and store nothing; each header ends in CRLF."""
    return lambda _sink, client, _body: _reply(client, status, body, headers)


ANSWERS: dict[str, Answer] = {
    "accepts": accepting,
    "slow": slow(0.2),
    "rejects in a partial success": _partial,
    "hangs": _hang,
    "resets mid-body": _reset,
    "trickles": trickling("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    "503": answering("503 Service Unavailable"),
    "429": answering("429 Too Many Requests"),
    "400": answering("400 Bad Request"),
    "401": answering("401 Unauthorized"),
    "redirects": answering("307 Temporary Redirect", "Location: http://localhost:9/\r\n"),
    "answers HTML": answering("200 OK", "Content-Type: text/html\r\n", b"<html></html>"),
    "answers text": answering("200 OK", "Content-Type: text/plain\r\n", b"OK"),
    "answers an error in JSON": answering(
        "200 OK", "Content-Type: application/json\r\n", b'{"error": "no such project"}'
    ),
    "answers without end": trickling("HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0.0),
    "204": answering("204 No Content"),
}
MODES = ("refuses", "black hole", *ANSWERS)


@contextmanager
def sink(mode: str | Answer, *, port: int = 0, path: str = "/v1/traces") -> Iterator[Sink]:
    """Run a sink for a block; it misbehaves as named, or answers as given."""
    answer = ANSWERS.get(mode, accepting) if isinstance(mode, str) else mode
    receiver, fillers = Sink(answer, port=port, path=path), []
    if mode == "refuses":
        receiver.bind()
    elif mode == "black hole":
        listener = receiver.bind()
        listener.listen(0)
        fillers = [_filler(listener) for _ in range(4)]
    else:
        receiver.up()
    try:
        yield receiver
    finally:
        receiver.down()
        for filler in fillers:
            filler.close()


def _filler(listener: socket.socket) -> socket.socket:
    # The kernel drops the SYNs that come when the queue of a listener is full.
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex(listener.getsockname())
    time.sleep(0.01)
    return client


def _serve(listener: socket.socket, receiver: Sink) -> None:
    while not receiver.stop.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(client, receiver), daemon=True).start()


def _talk(client: socket.socket, receiver: Sink) -> None:
    with client, client.makefile("rb") as lines:
        try:
            while (request := lines.readline()) and not receiver.stop.is_set():
                headers = {":path": request.split()[1].decode()}
                while line := lines.readline().strip().decode():
                    name, _, value = line.partition(":")
                    headers[name.title()] = value.strip()
                answer = receiver.answer
                # A reset comes while the body is on its way.
                length = int(headers.get("Content-Length", 0))
                body = lines.read(min(length, 1) if answer is _reset else length)
                with receiver.changed:
                    receiver.requests.append(headers)
                    receiver.changed.notify_all()
                is_gzip = headers.get("Content-Encoding") == "gzip"
                answer(receiver, client, gzip.decompress(body) if is_gzip else body)
        except (OSError, ValueError):
            return


def main() -> None:
    """Serve `accepts` in a process of its own: print the endpoint, then a count per input line."""
    with sink("accepts") as receiver:
        print(receiver.endpoint, flush=True)
        for _ in sys.stdin:
            print(len(set(receiver.span_ids)), flush=True)
            receiver.resource_spans.clear()


if __name__ == "__main__":
    main()
