"""Coverage-guided fuzzing of everything that a request's bytes pass through, down to the API's rows.

A body, read by OTLP's specification or as Langfuse does, is refused, or each of its spans is stored
and read back; nothing else may happen. libFuzzer's own options follow the script's name: `make
fuzz` bounds the time.
"""

import gzip
import json
import sys
import tempfile
from pathlib import Path

import atheris
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

with atheris.instrument_imports(include=["langfuse_local"]):
    from langfuse_local.api.rows import GROUPS, row
    from langfuse_local.mapping import (
        content,
        costs,
        fields,
        generations,
        messages,
        metadata,
        observation_type,
        tools,
        usage,
    )
    from langfuse_local.mapping.spans import observations
    from langfuse_local.receiver import endpoints, langfuse_otlp
    from langfuse_local.receiver.otlp import BadRequest, decode
    from langfuse_local.store.store import Store

KINDS = ("application/x-protobuf", "application/json")
SEED = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.version", "value": {"stringValue": "1"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "ai"},
                    "spans": [
                        {
                            "traceId": "0af7651916cd43dd8448eb211c80319c",
                            "spanId": "b7ad6b7169203331",
                            "name": "chat",
                            "startTimeUnixNano": "1795168800000000000",
                            "endTimeUnixNano": "1795168800020000000",
                            "events": [{"name": "gen_ai.choice"}],
                            "attributes": [
                                {"key": "langfuse.session.id", "value": {"stringValue": "s"}},
                                {
                                    "key": "langfuse.trace.metadata",
                                    "value": {"stringValue": '{"a":{"b":1}}'},
                                },
                                {
                                    "key": "gen_ai.request.model",
                                    "value": {"stringValue": "gpt-4o-mini"},
                                },
                                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
                                {
                                    "key": "langfuse.observation.cost_details",
                                    "value": {"stringValue": '{"input":1e-3}'},
                                },
                                {
                                    "key": "langfuse.trace.tags",
                                    "value": {"arrayValue": {"values": [{"stringValue": "t"}]}},
                                },
                                {"key": "gen_ai.prompt.0.role", "value": {"stringValue": "user"}},
                                {
                                    "key": "x",
                                    "value": {
                                        "kvlistValue": {
                                            "values": [{"key": "k", "value": {"doubleValue": 0.5}}]
                                        }
                                    },
                                },
                            ],
                        }
                    ],
                }
            ],
        }
    ]
}
KEYS = sorted(
    {
        *fields.SESSION_KEYS,
        *fields.USER_KEYS,
        *fields.TAG_KEYS,
        *fields.NAME_KEYS,
        *fields.ENVIRONMENT_KEYS,
        *content.CONTENT_KEYS,
        *(f"{prefix}.0.role" for prefix in content.CONTENT_PREFIXES),
        *generations.MODEL_NAME_KEYS,
        *generations.PARAMETER_KEYS,
        *generations.PROMPT_VERSION_KEYS,
        *(source.removeprefix("attributes.") for source in tools.TOOL_SOURCES),
        *(key for key, _ in observation_type.TYPE_RULES),
        *costs.TOTAL_COST_KEYS,
        *(f"gen_ai.usage.{name}" for name in usage.INPUT_COUNTERS + usage.CACHE_READ_COUNTERS),
        costs.COST_KEY,
        fields.LEVEL_KEY,
        generations.COMPLETION_START_KEY,
        metadata.OBSERVATION_PREFIX,
        metadata.TRACE_PREFIX,
        usage.USAGE_KEY,
    }
)
SCOPES = ["langfuse-sdk", "x"]
EVENTS = [*messages.INPUT_EVENTS, messages.CHOICE_EVENT, messages.DETAILS_EVENT, "x"]
BUILT, LANGFUSE = 4, 8
FOLDER = tempfile.TemporaryDirectory()
STORE = Store(Path(FOLDER.name) / "langfuse.db")
STORE._writer.connection.execute("PRAGMA synchronous = OFF")


def one_input(data: bytes) -> None:
    """The first byte says how the rest is encoded, and by whose rules it is read."""
    if not data:
        return
    kind, encoding = KINDS[data[0] & 1], "gzip" if data[0] & 2 else ""
    body = data[1:]
    if data[0] & BUILT:
        body, kind, encoding = built(body), KINDS[0], ""
    read = langfuse_otlp.read if data[0] & LANGFUSE else endpoints.read
    try:
        batch = read(body, encoding, kind)
    except BadRequest:
        return
    parts = (ss for rs in batch.request.resource_spans for ss in rs.scope_spans)
    given = [span for part in parts for span in part.spans]
    STORE.save(observations(batch.request, batch.id_of))
    stored = STORE.observations([], limit=1000)
    wanted = {(batch.id_of(span.trace_id), batch.id_of(span.span_id)) for span in given}
    assert {(one.observation.trace_id, one.observation.id) for one in stored} == wanted
    for one in stored:
        json.dumps(row(one, GROUPS, "p"), ensure_ascii=False, allow_nan=False).encode()
        assert STORE.trace(one.observation.trace_id)
    STORE.sessions()
    STORE.users()
    clear()


def built(data: bytes) -> bytes:
    """A well-formed request whose every choice comes from the data."""
    choices = atheris.FuzzedDataProvider(data)
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    attribute(resource_spans.resource.attributes, choices)
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = choices.PickValueInList(SCOPES)
    for _ in range(choices.ConsumeIntInRange(1, 3)):
        span = scope_spans.spans.add()
        span.trace_id = choices.ConsumeBytes(1).rjust(16, b"\x01")
        span.span_id = choices.ConsumeBytes(1).rjust(8, b"\x01")
        span.start_time_unix_nano = choices.ConsumeUInt(8)
        span.end_time_unix_nano = choices.ConsumeUInt(8)
        for _ in range(choices.ConsumeIntInRange(0, 1)):
            event = span.events.add(name=choices.PickValueInList(EVENTS))
            attribute(event.attributes, choices)
        for _ in range(choices.ConsumeIntInRange(0, 6)):
            attribute(span.attributes, choices)
    return message.SerializeToString()


def attribute(pairs: object, choices: atheris.FuzzedDataProvider) -> None:
    """One more attribute, of a name that some rule knows."""
    pair = pairs.add(key=choices.PickValueInList(KEYS))
    kind = choices.ConsumeIntInRange(0, 4)
    if kind == 0:
        pair.value.int_value = choices.ConsumeInt(8)
    elif kind == 1:
        pair.value.double_value = choices.ConsumeFloat()
    elif kind == 2:
        pair.value.array_value.values.add(string_value=text(choices))
    else:
        pair.value.string_value = text(choices)


def text(choices: atheris.FuzzedDataProvider) -> str:
    """Text that UTF-8 can hold, since protobuf takes no other."""
    return choices.ConsumeUnicodeNoSurrogates(choices.ConsumeIntInRange(0, 40))


def clear() -> None:
    """Forget everything."""

    def work() -> None:
        for table in ("spans", "sessions", "users", "traces", "strings"):
            STORE._writer.connection.execute(f"DELETE FROM {table}")
        STORE._writer.strings.forget()

    STORE._writer.run(work)


def seeds(folder: Path) -> None:
    """A request in each encoding, for the fuzzer to start from."""
    text = json.dumps(SEED).encode()
    wire = decode(text, KINDS[1]).SerializeToString()
    for first, body in enumerate((wire, text, gzip.compress(wire), gzip.compress(text))):
        for rules in (0, LANGFUSE):
            (folder / f"seed-{first | rules}").write_bytes(bytes([first | rules]) + body)
    (folder / "seed-built").write_bytes(bytes([BUILT]) + text.ljust(1000, b"{"))


if __name__ == "__main__":
    corpus = Path(FOLDER.name) / "corpus"
    corpus.mkdir()
    seeds(corpus)
    atheris.Setup([*sys.argv, str(corpus)], one_input)
    atheris.Fuzz()
