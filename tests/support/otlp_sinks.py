"""OTLP receivers that misbehave in one way each, on real sockets of this machine."""

import gzip
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["MODES", "Answer", "Sink", "answering", "limited", "sink", "trickling"]

Answer = Callable[["Sink", socket.socket, bytes], None]


@dataclass
class Sink:
    """What arrived: spans in order, the first lines of requests, and where to send more."""

    endpoint: str
    spans: list[Span] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def store(self, body: bytes) -> None:
        """Keep the request's spans, as a receiver does before it answers 200."""
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans

    @property
    def span_ids(self) -> list[str]:
        """Ids of the spans, in hex digits."""
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


def _reply(client: socket.socket, status: str, body: bytes = b"", headers: str = "") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    client.sendall(head.encode() + body)


def _accept(sink: Sink, client: socket.socket, body: bytes) -> None:
    sink.store(body)
    _reply(client, "200 OK", b"", "Content-Type: application/x-protobuf\r\n")


def _slow(sink: Sink, client: socket.socket, body: bytes) -> None:
    sink.stop.wait(0.2)
    _accept(sink, client, body)


def _partial(sink: Sink, client: socket.socket, body: bytes) -> None:
    sink.store(body)
    partial = ExportTracePartialSuccess(rejected_spans=len(sink.spans))
    answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    sink.spans.clear()
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
    return lambda sink, client, body: (_accept if len(body) <= bytes_taken else refusal)(
        sink, client, body
    )


def answering(status: str, headers: str = "", body: bytes = b"") -> Answer:
    """Answer every request alike, and store nothing; each header ends in CRLF."""
    return lambda _sink, client, _body: _reply(client, status, body, headers)


_ANSWERS: dict[str, Answer] = {
    "accepts": _accept,
    "slow": _slow,
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
MODES = ("refuses", "black hole", *_ANSWERS)


@contextmanager
def sink(mode: str | Answer, *, port: int = 0) -> Iterator[Sink]:
    """Run a receiver on a port of the loopback, by default a free one; it misbehaves as named, or as given."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        found = Sink(f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces")
        if mode == "refuses":
            yield found
            return
        listener.listen(0 if mode == "black hole" else 64)
        fillers = [_filler(listener) for _ in range(4)] if mode == "black hole" else []
        if mode != "black hole":
            reply = _ANSWERS[mode] if isinstance(mode, str) else mode
            threading.Thread(target=_serve, args=(listener, found, reply), daemon=True).start()
        try:
            yield found
        finally:
            found.stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            for filler in fillers:
                filler.close()


def _filler(listener: socket.socket) -> socket.socket:
    # The kernel drops the SYNs that come when the queue of a listener is full.
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex(listener.getsockname())
    time.sleep(0.01)
    return client


def _serve(listener: socket.socket, found: Sink, answer: Answer) -> None:
    while not found.stop.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(client, found, answer), daemon=True).start()


def _talk(client: socket.socket, found: Sink, answer: Answer) -> None:
    with client, client.makefile("rb") as lines:
        try:
            while request := lines.readline():
                found.requests.append(request)
                length, is_gzip = 0, False
                while (line := lines.readline().strip().lower()) != b"":
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                    is_gzip |= line == b"content-encoding: gzip"
                # A reset comes while the body is on its way.
                body = lines.read(min(length, 1) if answer is _reset else length)
                answer(found, client, gzip.decompress(body) if is_gzip else body)
        except (OSError, ValueError):
            return


def main() -> None:
    """Serve `accepts` in a process of its own: print the endpoint, then a count per input line."""
    with sink("accepts") as receiver:
        print(receiver.endpoint, flush=True)
        for _ in sys.stdin:
            print(len(set(receiver.span_ids)), flush=True)
            receiver.spans.clear()


if __name__ == "__main__":
    main()
