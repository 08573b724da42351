"""Langfuse's own endpoint: any id, its own reasons to refuse, and the job that it answers."""

from __future__ import annotations

import base64
import gzip
import json
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from generated import documents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from test_hostile import a_span, protobuf
from wire import JSON, KEYS, PROTOBUF, Reply, ask, request_of, span

from langfuse_local.receiver import langfuse_otlp
from langfuse_local.receiver.otlp import BadRequest
from langfuse_local.store.ids import key_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from wire import Backend

    from langfuse_local.receiver.otlp import Batch

TRACES = "/api/public/otel/v1/traces"
PROJECT = "/project/order-status-demo"
USER = {"key": "langfuse.user.id", "value": {"stringValue": "ann"}}
SECRET = "never-quoted"


@pytest.fixture(scope="module")
def empty(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[[Path], AbstractContextManager[Backend]],
) -> Iterator[Backend]:
    """One backend for everything that stores nothing."""
    with running(tmp_path_factory.mktemp("empty")) as started:
        yield started


def send(backend: Backend, body: Any, content_type: str = JSON, **headers: str) -> Reply:
    """Post to Langfuse's endpoint; what is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(backend.web + TRACES, content, content_type=content_type, **headers)


def spans_of(batch: Batch) -> list[Span]:
    """Every span of a request."""
    resources = batch.request.resource_spans
    return [span for each in resources for scope in each.scope_spans for span in scope.spans]


def ids(backend: Backend, query: str = "") -> set[tuple[str, str, str | None]]:
    """Trace, id and parent of what is stored."""
    rows = backend.rows(query)
    return {(row["traceId"], row["id"], row["parentObservationId"]) for row in rows}


def test_finds_a_span_by_an_id_that_is_no_hex(backend: Backend) -> None:
    """The API finds it by its text, its pages open and link to it, and its scores are shown."""
    spans = [
        {"traceId": "zz", "spanId": "1", "name": "x", "attributes": [USER]},
        {"traceId": "zz", "spanId": "a/b?c", "parentSpanId": "1", "name": "y"},
    ]
    assert send(backend, request_of(*spans)).status == 200
    assert ids(backend, "?traceId=zz") == {("zz", "1", None), ("zz", "a/b?c", "1")}
    assert ids(backend, "?parentObservationId=1") == {("zz", "a/b?c", "1")}
    score = {"name": "tone", "value": 0.25, "traceId": "zz"}
    assert ask(f"{backend.web}/api/public/scores", json.dumps(score).encode()).status == 200
    for page in ("traces/zz", f"traces/zz?observation={quote('a/b?c', safe='')}"):
        shown = ask(f"{backend.web}{PROJECT}/{page}")
        assert shown.status == 200
        assert b"?observation=a%2Fb%3Fc#" in shown.body
        assert b"tone 0.25" in shown.body
    assert f"{PROJECT}/traces/zz".encode() in ask(f"{backend.web}{PROJECT}/traces").body
    assert b"tone" in ask(f"{backend.web}{PROJECT}/users/ann").body


@pytest.mark.parametrize("condition", ["=", "contains", "any of"])
def test_filters_by_an_id_that_is_no_hex(backend: Backend, condition: str) -> None:
    """Filters and metrics see the same id as lists do."""
    send(backend, request_of(span(traceId="zz"), span(traceId="ab")))
    kind = "stringOptions" if condition == "any of" else "string"
    value = ["zz"] if condition == "any of" else "zz"
    condition_on_id = {"type": kind, "column": "traceId", "operator": condition, "value": value}
    assert {row[0] for row in ids(backend, f"?filter={quote(json.dumps([condition_on_id]))}")} == {
        "zz"
    }
    query = {
        "view": "observations",
        "metrics": [{"measure": "count", "aggregation": "count"}],
        "filters": [condition_on_id],
        "fromTimestamp": "2020-01-01T00:00:00Z",
        "toTimestamp": "2100-01-01T00:00:00Z",
    }
    metrics = ask(f"{backend.web}/api/public/v2/metrics?query={quote(json.dumps(query))}").json
    assert metrics["data"] == [{"count_count": 1}]


def test_filters_by_half_a_character(backend: Backend) -> None:
    """What no UTF-8 can hold is asked for as it is stored, with U+FFFD."""
    send(backend, request_of(span(traceId="\ud800", name="\ud800")))
    for column in ("traceId", "name"):
        equality = {"type": "string", "column": column, "operator": "=", "value": "\ud800"}
        assert {row[0] for row in ids(backend, f"?filter={quote(json.dumps([equality]))}")} == {
            "\ufffd"
        }


def test_pages_through_ids_of_both_kinds(backend: Backend) -> None:
    """A cursor goes on after any id, and comes to an end."""
    traces = ["zz", "ab", "AB", "a b", "é", "0af7651916cd43dd8448eb211c80319c"]
    send(backend, request_of(*(span(traceId=trace) for trace in traces)))
    seen, cursor = [], ""
    while True:
        page = ask(f"{backend.web}/api/public/v2/observations?limit=1{cursor}").json
        seen += [row["traceId"] for row in page["data"]]
        if not page["meta"]:
            break
        cursor = f"&cursor={quote(page['meta']['cursor'])}"
    assert sorted(seen) == sorted(traces)


@pytest.mark.parametrize(
    ("identifier", "stored"),
    [
        ("0AF7651916CD43DD", "0AF7651916CD43DD"),
        ("00", "00"),
        ("\ud800 half", "\ufffd half"),
        ("a\x00b", "a\x00b"),
        ("x" * 10_000, "x" * 10_000),
        ([1, 2, 255], "0102ff"),
        ({"type": "Buffer", "data": [1, 2, 255]}, "0102ff"),
    ],
    ids=["upper case", "short", "surrogate", "NUL", "long", "bytes", "Buffer"],
)
def test_keeps_a_json_id_as_it_is(backend: Backend, identifier: Any, stored: str) -> None:
    """A text stays the same text, and bytes become lower-case hex; so does a parent's id."""
    content = span(traceId=identifier, spanId=identifier, parentSpanId=identifier)
    assert send(backend, request_of(content)).status == 200
    assert ids(backend) == {(stored, stored, stored)}
    assert len(backend.store.observations_of_trace(stored)) == 1


def test_reads_upper_case_by_the_specification_on_the_collectors_port(backend: Backend) -> None:
    """There, an id is bytes: upper and lower case are one."""
    lower = span()
    for changed in (lower, lower | {"traceId": lower["traceId"].upper()}):
        assert ask(backend.otlp, request_of(changed), content_type=JSON).status == 200
    assert {row[0] for row in ids(backend)} == {lower["traceId"]}


@pytest.mark.parametrize("size", [1, 3, 15, 17, 100])
def test_keeps_protobuf_ids_of_any_length_as_hex(backend: Backend, size: int) -> None:
    """Where OTLP has 16 and 8 bytes, Langfuse takes any number, zeros included."""
    content = protobuf(a_span(trace_id=b"\xab" * size, span_id=bytes(size)))
    assert ask(backend.otlp, content, content_type=PROTOBUF).status == 400
    assert send(backend, content, PROTOBUF).status == 200
    assert ids(backend) == {("ab" * size, "00" * size, None)}


@pytest.mark.parametrize("unread", [{"links": 5}, {"parent_span_id": "1"}], ids=str)
def test_reads_only_what_langfuse_knows(backend: Backend, unread: dict[str, Any]) -> None:
    """Links, whatever they are, and names in snake case neither refuse a span nor change it."""
    assert send(backend, request_of(span(**unread))).status == 200
    assert ids(backend) == {(span()["traceId"], span()["spanId"], None)}


@given(st.text(max_size=20))
def test_any_text_is_an_id_of_its_own(text: str) -> None:
    """What the file holds for an id gives the same id again, whatever Python takes for hex."""
    assert text_of(key_of(text)) == text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"traceId": None}, "traceId:absent"),
        ({"spanId": ""}, "spanId:absent"),
        ({"traceId": 42}, "traceId:not_an_id"),
        ({"spanId": {"length": 8}}, "spanId:not_an_id"),
        ({"spanId": {"data": [1, 2]}}, "spanId:not_an_id"),
        ({"traceId": [SECRET]}, "traceId:not_an_id"),
        ({"parentSpanId": True}, "parentSpanId:not_an_id"),
        ({"attributes": {SECRET: SECRET}}, "attributes:not_an_array"),
        ({"events": {}}, "events:not_an_array"),
        ({"events": [{"attributes": {}}]}, "event.attributes:not_an_array"),
    ],
    ids=str,
)
def test_refuses_a_request_for_one_span(
    empty: Backend, changes: dict[str, Any], reason: str
) -> None:
    """The reason is named, nothing sent is quoted, and the sound spans are not stored, either."""
    answer = send(empty, request_of(span(), span(**changes), span(spanId="3")))
    assert answer.status == 400
    start = f"Invalid OTLP trace export: 1 of 3 span(s) cannot be processed ({reason})."
    assert answer.json["error"].startswith(start)
    assert SECRET not in answer.json["error"]
    assert empty.store.counts().observations == 0


@pytest.mark.parametrize(
    ("resource_spans", "reason"),
    [
        ({"resource": {"attributes": {}}}, "resource.attributes"),
        ({"scopeSpans": SECRET}, "scopeSpans"),
        ({"scopeSpans": [{"spans": {}}]}, "spans"),
        ({"scopeSpans": [{"scope": {"attributes": {}}, "spans": [span()]}]}, "scope.attributes"),
    ],
    ids=str,
)
def test_refuses_what_should_be_a_list(empty: Backend, resource_spans: Any, reason: str) -> None:
    """An object or a text where OTLP has a list refuses the request."""
    answer = send(empty, {"resourceSpans": [{"scopeSpans": [{"spans": [span()]}]}, resource_spans]})
    assert answer.status == 400
    assert (
        f"1 resource- or scope-level field(s) are present but not arrays ({reason}:not_an_array)."
        in answer.json["error"]
    )
    assert SECRET not in answer.json["error"]
    assert empty.store.counts().observations == 0


def test_refuses_logs(empty: Backend) -> None:
    """OTLP logs that are sent as traces are refused, and nothing of them is stored."""
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    record.severity_text = "INFO"
    answer = send(empty, logs.SerializeToString(), PROTOBUF)
    assert answer.status == 400
    assert "1 of 1 span(s)" in answer.json["error"]
    assert "(traceId:absent, spanId:absent)" in answer.json["error"]
    mixed = protobuf(a_span(1), a_span(2, span_id=b""))
    assert send(empty, mixed, PROTOBUF).status == 400
    assert empty.store.counts().observations == 0


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "text"),
    [
        (b"{", JSON, "", "Failed to parse OTel JSON Trace"),
        (b"null", JSON, "", "Failed to parse OTel JSON Trace"),
        (b'{"resourceSpans": NaN}', JSON, "", "Failed to parse OTel JSON Trace"),
        (b"[" * 100_000, JSON, "", "Failed to parse OTel JSON Trace"),
        (b"\xff\xfe", PROTOBUF, "", "Failed to parse OTel Protobuf Trace"),
        (b"{}", f"text/plain; {PROTOBUF}", "", "Failed to parse OTel Protobuf Trace"),
        (b"{}", JSON, "gzip", "Failed to decompress request body"),
        (gzip.compress(b"{}")[:-9], JSON, "gzip", "Failed to decompress request body"),
        (gzip.compress(b"{}"), JSON, "deflate", "Failed to parse OTel JSON Trace"),
        (b"{}", "text/plain", "", "Invalid content type"),
    ],
)
def test_refuses_in_langfuses_words(
    empty: Backend, body: bytes, content_type: str, encoding: str, text: str
) -> None:
    """What cannot be read is a 400 with the text that Langfuse has for it."""
    answer = send(empty, body, content_type, content_encoding=encoding)
    assert (answer.status, answer.json) == (400, {"error": text})
    assert empty.store.counts().observations == 0


@pytest.mark.parametrize(
    "body", [{}, {"x": 1}, 5, [], {"resourceSpans": None}, {"resource_spans": [{}]}], ids=str
)
def test_answers_nothing_to_nothing(empty: Backend, body: Any) -> None:
    """A body without resourceSpans, by that very name, is accepted and makes no job."""
    answer = send(empty, body, x_langfuse_ingestion_version="9")
    assert (answer.status, answer.json) == (200, {})
    assert empty.store.counts().observations == 0


@pytest.mark.parametrize("form", [{"resourceSpans": [None, {}]}, request_of()], ids=str)
def test_accepts_empty_parts(empty: Backend, form: Any) -> None:
    """Parts without a span are no fault, and make a job as at Langfuse."""
    answer = send(empty, form)
    assert (answer.status, answer.json["name"]) == (200, "otel-ingestion-job")
    assert empty.store.counts().observations == 0


@pytest.mark.parametrize(
    ("version", "status"),
    [("4", 200), ("", 200), ("3", 200), ("4.9", 200), ("5", 400), ("x", 400), ("9" * 5000, 400)],
)
def test_knows_ingestion_versions_up_to_4(backend: Backend, version: str, status: int) -> None:
    """A newer version than the fourth, or none at all, is refused before anything is stored."""
    answer = send(backend, request_of(span()), x_langfuse_ingestion_version=version)
    assert answer.status == status
    assert backend.store.counts().observations == (status == 200)
    if status == 400:
        text = f'Unsupported x-langfuse-ingestion-version: "{version}". Maximum supported: "4".'
        assert answer.json == {"error": text}


def test_answers_a_job_of_its_own(backend: Backend) -> None:
    """Ids are fresh, times are now, and the sender is who the headers say."""
    before = time.time() * 1000 - 1
    headers = {"x_langfuse_sdk_name": "python", "x_langfuse_ingestion_version": "4"}
    first, second = (send(backend, request_of(span()), **headers).json for _ in range(2))
    assert before <= first["timestamp"] <= second["timestamp"] <= time.time() * 1000
    assert (first["id"], second["id"]) == ("1", "2")
    assert first["data"]["id"] != second["data"]["id"]
    payload, another = (answer["data"]["payload"] for answer in (first, second))
    assert payload["data"]["fileKey"] != another["data"]["fileKey"]
    assert (payload["sdkName"], payload["sdkVersion"]) == ("python", "unknown")
    assert payload["ingestionVersion"] == "4"


@pytest.mark.parametrize("name", ["x-langfuse-sdk-name", "x_langfuse_sdk_name"])
def test_reads_its_headers_in_both_spellings(backend: Backend, name: str) -> None:
    """Some proxies turn hyphens into underscores, and Langfuse reads either."""
    keys = base64.b64encode(KEYS.encode()).decode()
    headers = {"Authorization": f"Basic {keys}", "Content-Type": JSON, name: "python"}
    with closing(HTTPConnection(urlsplit(backend.web).netloc, timeout=30)) as connection:
        connection.request("POST", TRACES, request_of(span()), headers)
        answer = json.load(connection.getresponse())
    assert answer["data"]["payload"]["sdkName"] == "python"


def test_discards_metrics(empty: Backend) -> None:
    """Metrics are accepted, in full, for the keys alone; there is no place for them."""
    url = f"{empty.web}/api/public/otel/v1/metrics"
    answer = ask(url, bytes(3_000_000), content_type=PROTOBUF)
    assert (answer.status, answer.json) == (200, {"message": "OK"})
    assert ask(url, b"{}", keys=None, content_type=JSON).status == 401
    assert empty.store.counts().observations == 0


@settings(max_examples=300, deadline=None)
@given(documents, st.binary(max_size=40))
def test_any_body_is_read_or_refused(document: Any, noise: bytes) -> None:
    """Whatever is sent is a request in which every span has ids, or a bad request."""
    for body, kind in (
        (json.dumps(document).encode(), JSON),
        (noise, JSON),
        (noise, PROTOBUF),
        (base64.b64encode(noise), PROTOBUF),
    ):
        try:
            batch = langfuse_otlp.read(body, "", kind)
        except BadRequest:
            continue
        for received in spans_of(batch):
            assert batch.id_of(received.trace_id)
            assert batch.id_of(received.span_id)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=4))
def test_any_ids_are_whole_or_nothing(backend: Backend, pairs: list[tuple[str, str]]) -> None:
    """Either every span of a request is found by the ids that it was sent with, or none is."""
    before = backend.store.counts().observations
    spans = [span(traceId=trace_id, spanId=span_id) for trace_id, span_id in pairs]
    status = send(backend, request_of(*spans)).status
    if not all(trace_id and span_id for trace_id, span_id in pairs):
        assert (status, backend.store.counts().observations) == (400, before)
        return
    assert status == 200
    for trace_id, span_id in pairs:
        stored = backend.store.observations_of_trace(trace_id)
        assert span_id in {each.observation.id for each in stored}
