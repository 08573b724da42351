"""Nothing that reaches the receiver breaks it: refused or stored whole, and the next one works."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from served import served
from wire import JSON, PROTOBUF, Backend, Reply, ask, request_of, span

from langfuse_local.receiver import body, connections, limits
from langfuse_local.receiver.otlp import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MIB = 1024**2
TRACE = bytes(range(16))


def protobuf(*spans: Span) -> bytes:
    """A request with these spans."""
    scope_spans = ScopeSpans(spans=spans)
    resource_spans = ResourceSpans(resource=Resource(), scope_spans=[scope_spans])
    return ExportTraceServiceRequest(resource_spans=[resource_spans]).SerializeToString()


def a_span(number: int = 1, **changes: Any) -> Span:
    """A span with an id of its own."""
    times = {"start_time_unix_nano": 1, "end_time_unix_nano": 2}
    return Span(**{"trace_id": TRACE, "span_id": number.to_bytes(8), **times, **changes})


def still_works(backend: Backend, stored: int = 0) -> None:
    """The next request is stored, and beside it is only what should be."""
    last = a_span(2**60, trace_id=b"\xff" * 16)
    assert ask(backend.otlp, protobuf(last), content_type=PROTOBUF).status == 200
    assert len(backend.rows("?limit=1000")) == stored + 1


def connect(url: str) -> socket.socket:
    """A bare connection to whoever serves this address."""
    parts = urlsplit(url)
    assert parts.hostname
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=30)


def head(*headers: str, content_type: str = PROTOBUF) -> bytes:
    """The start of a POST."""
    lines = ["POST /v1/traces HTTP/1.1", "Host: here", f"Content-Type: {content_type}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def status_of(connection: socket.socket) -> int:
    """The status of the answer, 0 if the connection ends without one."""
    line = b""
    with connection.makefile("rb") as answer, suppress(ConnectionResetError):
        line = answer.readline()
    return int(line.split()[1]) if line else 0


def flood(connection: socket.socket) -> None:
    """Send chunks for as long as anybody takes them, up to some 50 GiB."""
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    for _ in range(50_000):
        connection.sendall(chunk)


def truncations(content: bytes) -> Iterator[bytes]:
    """The content cut at a few dozen places."""
    yield from (content[:end] for end in range(1, len(content), max(1, len(content) // 30)))


def test_garbage_and_cut_bodies(backend: Backend) -> None:
    """Random bytes and requests cut anywhere are stored whole or refused, never half."""
    whole = protobuf(*(a_span(n, name="x" * n) for n in range(1, 9)))
    bodies = [b"\x00", b"\xff" * 1000, b"{", b"[]", b"null", *truncations(whole)]
    answers = [ask(backend.otlp, content, content_type=PROTOBUF).status for content in bodies]
    assert set(answers) <= {200, 400}
    assert backend.rows() == []
    still_works(backend)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (gzip.compress(protobuf(a_span()))[:-4], 400),
        (gzip.compress(protobuf(a_span())) + b"tail", 400),
        (gzip.compress(b"") * 200_000, 400),
        (zlib.compress(protobuf(a_span())), 400),
        (b"\x1f\x8b\x08\x00" + b"\x00" * 6 + b"\xff" * 100_000, 400),
        (gzip.compress(bytes(body.MAX_BYTES + 1)), 413),
        (gzip.compress(bytes(MIB)) * 50, 413),
    ],
    ids=["cut", "tail", "endless members", "zlib", "broken", "bomb", "bomb of members"],
)
def test_gzip(backend: Backend, content: bytes, status: int) -> None:
    """Cut, endless and exploding gzip is refused."""
    answer = ask(backend.otlp, content, content_type=PROTOBUF, content_encoding="gzip")
    assert answer.status == status
    still_works(backend)


@pytest.mark.parametrize(
    "changes",
    [
        {"trace_id": b""},
        {"trace_id": b"\x01" * 15},
        {"trace_id": b"\x01" * 17},
        {"trace_id": bytes(16)},
        {"span_id": b""},
        {"span_id": b"\x01" * 9},
        {"span_id": bytes(8)},
        {"parent_span_id": b"\x01" * 7},
        {"parent_span_id": b"\x01" * 16},
    ],
    ids=str,
)
def test_ids_of_a_wrong_length(backend: Backend, changes: dict[str, bytes]) -> None:
    """One malformed id refuses the request that it is in."""
    content = protobuf(a_span(1), a_span(2, **changes))
    assert ask(backend.otlp, content, content_type=PROTOBUF).status == 400
    still_works(backend)


def test_invalid_utf8(backend: Backend) -> None:
    """Text that is not UTF-8 refuses the request, in both encodings."""
    content = protobuf(a_span(name="name-to-break")).replace(
        b"name-to-break", b"name\xff\xfe-break"
    )
    assert ask(backend.otlp, content, content_type=PROTOBUF).status == 400
    content = request_of(span(name="broken")).replace(b"broken", b"brok\xffn")
    assert ask(backend.otlp, content, content_type=JSON).status == 400
    still_works(backend)


def test_nul_and_lone_surrogates(backend: Backend) -> None:
    """NUL is kept as sent; half a character, which no UTF-8 can hold, becomes U+FFFD."""
    pairs = [{"key": "langfuse.session.id", "value": {"stringValue": "a\x00b"}}]
    content = request_of(span(name="\ud800 half", attributes=pairs))
    assert ask(backend.otlp, content, content_type=JSON).status == 200
    (row,) = backend.rows()
    assert (row["name"], row["sessionId"]) == ("\ufffd half", "a\x00b")
    assert backend.rows("?sessionId=a%00b") == [row]
    still_works(backend, 1)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ('"\\ud800"', "\ufffd"),
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("[-1e-99999999999999999999]", ["-1e-99999999999999999999"]),
    ],
)
def test_metadata_that_no_answer_could_hold(backend: Backend, stored: str, expected: Any) -> None:
    """One span's JSON does not keep the list of all from being answered."""
    pairs = [{"key": "langfuse.trace.metadata.odd", "value": {"stringValue": stored}}]
    content = request_of(span(attributes=pairs))
    assert ask(backend.otlp, content, content_type=JSON).status == 200
    (row,) = backend.rows("?fields=metadata")
    assert row["metadata"]["odd"] == expected
    still_works(backend, 1)


def nested(depth: int, *, maps: bool) -> AnyValue:
    """A value inside lists or maps inside one another."""
    value = AnyValue(string_value="core")
    for _ in range(depth):
        if maps:
            value = AnyValue(kvlist_value={"values": [KeyValue(key="k", value=value)]})
        else:
            value = AnyValue(array_value={"values": [value]})
    return value


@pytest.mark.parametrize("maps", [False, True])
def test_deep_nesting(backend: Backend, maps: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Depth that protobuf can read is stored, more is refused, in both encodings."""
    pair = KeyValue(key="deep", value=nested(20, maps=maps))
    assert (
        ask(backend.otlp, protobuf(a_span(attributes=[pair])), content_type=PROTOBUF).status == 200
    )
    opening, closing = (b'{"a":', b"}") if maps else (b"[", b"]")
    value: Any = {"stringValue": "core"}
    for _ in range(60):
        value = (
            {"kvlistValue": {"values": [{"key": "k", "value": value}]}}
            if maps
            else {"arrayValue": {"values": [value]}}
        )
    deep = request_of(span(attributes=[{"key": "deep", "value": value}]))
    for content in (deep, opening * 100_000 + b"1" + closing * 100_000):
        assert ask(backend.otlp, content, content_type=JSON).status == 400
    still_works(backend, 1)


@pytest.mark.parametrize(
    ("start", "end", "latency"),
    [
        (0, 0, None),
        (1, 2, 0.0),
        (16_725_225_600 * 10**9, 16_725_225_601 * 10**9, None),
        (2**64 - 1, 2**64 - 1, 0.0),
        (1_795_168_800 * 10**9, 1_795_168_799 * 10**9, -1.0),
    ],
    ids=["none", "1970", "2500", "largest", "negative"],
)
def test_odd_times(backend: Backend, start: int, end: int, latency: float | None) -> None:
    """Any time is stored, found again and shown on every page."""
    content = protobuf(a_span(start_time_unix_nano=start, end_time_unix_nano=end))
    assert ask(backend.otlp, content, content_type=PROTOBUF).status == 200
    (row,) = backend.rows()
    assert latency is None or row["latency"] == latency
    for page in ("sessions", "users", "traces", f"traces/{TRACE.hex()}"):
        assert ask(f"{backend.web}/project/order-status-demo/{page}").status == 200
    still_works(backend, 1)


def test_more_tokens_than_a_number_holds(backend: Backend) -> None:
    """The total of any number of token counts stops at what the file can store."""
    counters = [
        KeyValue(key=f"gen_ai.usage.kind_{n}", value=AnyValue(int_value=2**53 - 1))
        for n in range(2000)
    ]
    content = protobuf(a_span(attributes=counters))
    assert ask(backend.otlp, content, content_type=PROTOBUF).status == 200
    (row,) = backend.rows("?fields=core,usage")
    assert row["usageDetails"]["total"] == 2**63 - 1
    still_works(backend, 1)


def test_cycles_and_orphans(backend: Backend) -> None:
    """Parents that are missing, one's own child or oneself leave no span out of the trace's page."""
    parents = {1: 2, 2: 1, 3: 3, 4: 99}
    spans = [
        a_span(child, name=f"span-{child}", parent_span_id=parent.to_bytes(8))
        for child, parent in parents.items()
    ]
    assert ask(backend.otlp, protobuf(*spans), content_type=PROTOBUF).status == 200
    page = ask(f"{backend.web}/project/order-status-demo/traces/{TRACE.hex()}")
    assert page.status == 200
    assert all(f"span-{child}".encode() in page.body for child in parents)
    still_works(backend, 4)


def test_one_span_id_in_two_traces(backend: Backend) -> None:
    """They are two observations: an id is unique in its trace alone."""
    both = protobuf(a_span(1), a_span(1, trace_id=bytes(range(1, 17))))
    assert ask(backend.otlp, both, content_type=PROTOBUF).status == 200
    assert len({row["traceId"] for row in backend.rows()}) == 2
    still_works(backend, 2)


def test_a_span_sent_again_with_other_content(backend: Backend) -> None:
    """The later content replaces the earlier one everywhere, lists and sums included."""
    for session, end in (("first", 9_000_000), ("second", 5_000_000)):
        pair = KeyValue(key="langfuse.session.id", value=AnyValue(string_value=session))
        content = protobuf(a_span(attributes=[pair], end_time_unix_nano=end, name=session))
        assert ask(backend.otlp, content, content_type=PROTOBUF).status == 200
    assert [row["name"] for row in backend.rows()] == ["second"]
    assert [listed.id for listed in backend.store.sessions()] == ["second"]
    assert backend.store.counts().sessions == 1
    still_works(backend, 1)


def test_wrong_lengths_of_the_body(backend: Backend) -> None:
    """A body shorter than announced, broken chunks and two lengths at once end with that connection."""
    content = protobuf(a_span())
    for request in (
        head(f"Content-Length: {len(content) + 10}") + content,
        head("Transfer-Encoding: chunked") + b"zz\r\n" + content,
        head("Content-Length: 5", "Content-Length: 6") + content,
        head("Content-Length: -1") + content,
    ):
        with closing(connect(backend.otlp)) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            assert status_of(connection) in {0, 400}
    assert backend.rows() == []
    still_works(backend)


def test_slow_bodies_do_not_hold_up_others(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred senders that never finish are answered 408 in time, while others are served."""
    monkeypatch.setattr(body, "_SECONDS", 3)
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(connect(backend.otlp))) for _ in range(100)]
        for connection in slow:
            connection.sendall(head("Content-Length: 1000") + b"x")
        still_works(backend)
        assert {status_of(connection) for connection in slow} == {408}
    still_works(backend)


def test_who_sends_longest_gives_way(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """When unfinished bodies fill the memory they may take, the oldest is told to come again."""
    monkeypatch.setattr(body, "_MAX_HELD", 100_000)
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(connect(backend.otlp))) for _ in range(3)]
        for connection in slow:
            connection.sendall(head("Content-Length: 1000000") + b"x" * 40_000)
            still_works(backend)
        assert status_of(slow[0]) == 503
    still_works(backend)


def test_half_open_requests_are_closed(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who never finishes a request's head is hung up on, and cannot keep others from connecting."""
    monkeypatch.setattr(connections, "_SECONDS", 2)
    monkeypatch.setattr(connections, "_MAX_WAITING", 50)
    with ExitStack() as stack:
        silent = [stack.enter_context(closing(connect(backend.otlp))) for _ in range(100)]
        for connection in silent[50:]:
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: ")
        still_works(backend)
        assert {status_of(connection) for connection in silent} == {0}
    still_works(backend)


class Watched:
    """The most memory that a process was seen to take."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, self._process.memory_info().rss)


def delimited(number: int, content: bytes) -> bytes:
    """A field of a protobuf message, written by hand."""
    size, length = bytearray(), len(content)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + content


def a_million_attributes() -> bytes:
    """One span with a million attributes of different names."""
    pairs = b"".join(
        delimited(9, delimited(1, b"k%x" % n) + b"\x12\x03\x0a\x01a")
        for n in range(limits.MAX_VALUES)
    )
    ids = delimited(1, TRACE) + delimited(2, TRACE[:8])
    return delimited(1, delimited(2, delimited(2, ids + pairs)))


def empty_attributes() -> bytes:
    """As many empty attributes as fit, of which each takes thirty times its two bytes."""
    ids = delimited(1, TRACE) + delimited(2, TRACE[:8])
    return delimited(1, delimited(2, delimited(2, ids + b"\x4a\x00" * (body.MAX_BYTES // 2 - 50))))


@pytest.mark.parametrize(
    ("make", "encoding", "status", "megabytes"),
    [
        (lambda: bytes(100 * MIB), "", 413, 128),
        (lambda: gzip.compress(bytes(1024 * MIB)), "gzip", 413, 128),
        (a_million_attributes, "", 200, 768),
        (empty_attributes, "", 413, 1024),
        (lambda: b'{"resourceSpans":[' + b"{}," * 6_000_000 + b"{}]}", "json", 413, 256),
    ],
    ids=["100 MiB", "bomb", "a million attributes", "empty attributes", "empty objects"],
)
def test_memory_is_bounded(
    tmp_path: Path, make: Callable[[], bytes], encoding: str, status: int, megabytes: int
) -> None:
    """The process stays below a bound, measured from outside, and the next request works."""
    content = make()
    headers = {"content_type": JSON if encoding == "json" else PROTOBUF}
    if encoding == "gzip":
        headers["content_encoding"] = "gzip"
    with served(tmp_path) as server, Watched(server.process.pid) as watched:
        answer = ask(server.otlp, content, **headers)
        following: Reply = ask(server.otlp, protobuf(a_span(5)), content_type=PROTOBUF)
        rows = json.loads(ask(f"{server.web}/api/public/v2/observations").body)["data"]
    assert (answer.status, following.status) == (status, 200)
    assert len(rows) == (2 if status == 200 else 1)
    assert watched.peak < megabytes * MIB


def test_an_endless_body_ends(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks without end are refused once they are too large, and the connection with them."""
    monkeypatch.setattr(body, "_MAX_IGNORED", 30 * MIB)
    monkeypatch.setattr(connections, "_SECONDS", 1)
    with closing(connect(backend.otlp)) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            flood(connection)
    still_works(backend)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 10_000), st.binary(max_size=4), st.integers(0, 4)), max_size=4
    ),
    content_type=st.sampled_from([PROTOBUF, JSON]),
    packed=st.booleans(),
)
def test_any_edit_is_whole_or_nothing(
    *,
    backend: Backend,
    edits: list[tuple[int, bytes, int]],
    content_type: str,
    packed: bool,
) -> None:
    """However a request was damaged on its way, all of its spans are stored or none is."""
    content = EDITED[content_type]
    for place, inserted, removed in edits:
        at = place % len(content)
        content = content[:at] + inserted + content[at + removed :]
    before = backend.store.counts().observations
    headers = {"content_encoding": "gzip"} if packed else {}
    body_bytes = gzip.compress(content) if packed else content
    status = ask(backend.otlp, body_bytes, content_type=content_type, **headers).status
    assert status in {200, 400}
    if status == 400:
        assert backend.store.counts().observations == before
        return
    request = decode(content, content_type)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for received in scope_spans.spans:
                stored = backend.store.observations_of_trace(received.trace_id.hex())
                assert received.span_id.hex() in {each.observation.id for each in stored}


EDITED = {
    PROTOBUF: protobuf(*(a_span(n, name=f"span {n}") for n in range(1, 4))),
    JSON: request_of(*(span(spanId=f"{n:016x}") for n in range(1, 4))),
}
