"""Compresses spans as they were sent: small OTLP messages that are much alike.

zstandard comes with LangGraph. The standard library's compressors would take a sixth of the time
that a span takes from the socket to the disk.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from zstandard import (
    DICT_TYPE_RAWCONTENT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

__all__ = ["DamagedError", "compress", "decompress"]

_LEVEL: Final = 3
# Names and values that spans are made of, the most frequent last; without them a span would not
# become smaller. Part of the file format: a changed word makes existing files unreadable.
_TEXTS: Final = (
    ("http.request.method", "GET"),
    ("server.address", "localhost"),
    ("url.full", "http://"),
    ("exception.type", "ValueError"),
    ("exception.message", ""),
    ("exception.stacktrace", "Traceback (most recent call last):\n"),
    ("exception.escaped", "False"),
    ("error.type", "ValueError"),
    ("session.id", ""),
    ("user.id", ""),
    ("tag.tags", ""),
    ("metadata", '{"thread_id":"","langgraph_step":1,"langgraph_node":"","langgraph_path":["'),
    ("input.value", '{"messages":[{"type":"human","content":"'),
    ("input.mime_type", "application/json"),
    ("output.value", '{"generations":[[{"text":"'),
    ("output.mime_type", "application/json"),
    ("llm.model_name", "gpt-4o-mini"),
    ("llm.provider", "openai"),
    ("llm.system", "openai"),
    ("llm.invocation_parameters", '{"model":"gpt-4o-mini","temperature":0,"stream":false}'),
    ("llm.input_messages.0.message.role", "system"),
    ("llm.input_messages.0.message.content", ""),
    ("llm.input_messages.1.message.role", "user"),
    ("llm.input_messages.1.message.content", ""),
    ("llm.output_messages.0.message.role", "assistant"),
    ("llm.output_messages.0.message.content", ""),
    ("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", ""),
    ("llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", ""),
    ("openinference.span.kind", "CHAIN"),
    ("gen_ai.input.messages", '[{"role":"user","parts":[{"type":"text","content":"'),
    ("gen_ai.output.messages", '[{"role":"assistant","parts":[{"type":"text","content":"'),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.system", "openai"),
    ("gen_ai.agent.name", "order-status"),
    ("gen_ai.tool.name", "get_order"),
    ("gen_ai.tool.type", "datastore"),
    ("gen_ai.memory.store.id", "conversations"),
    ("gen_ai.data_source.id", "delivery-policies"),
    ("langfuse.environment", "development"),
    ("langfuse.observation.model.name", "gpt-4o-mini"),
    ("langfuse.observation.usage_details", '{"input":1,"output":2,"total":3}'),
    ("langfuse.observation.cost_details", '{"input":0.0000,"output":0.0000,"total":0.0000}'),
    ("langfuse.observation.input", "Where is my order?"),
    ("langfuse.observation.output", "Your order is delayed and should arrive on 2026-"),
    ("langfuse.observation.metadata.outcome", "answered"),
    ("langfuse.observation.level", "DEFAULT"),
    ("langfuse.session.id", "conv_"),
    ("langfuse.user.id", "usr_pseudo_"),
    ("langfuse.trace.name", "order-status-turn"),
    ("langfuse.version", "local"),
    ("langfuse.trace.metadata.tenant_tier", "team"),
    ("langfuse.trace.metadata.environment", "development"),
    ("langfuse.trace.metadata.workflow", "order-status"),
    ("langfuse.trace.metadata.region", "eu"),
    ("langfuse.observation.type", "generation"),
    ("langfuse.observation.metadata.langgraph_node", "lookup_order"),
    ("langfuse.observation.metadata.langgraph_step", "1"),
    ("gen_ai.request.model", "order-model"),
    ("gen_ai.response.model", "order-model"),
    ("gen_ai.operation.name", "chat"),
)
_NUMBERS: Final = (
    "llm.token_count.prompt",
    "llm.token_count.completion",
    "llm.token_count.total",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
)
_TAGS: Final = ("order-status", "langgraph")


def _example() -> bytes:
    """A span that has it all; protobuf writes the same bytes in every version."""
    pairs = [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in _TEXTS]
    pairs += [KeyValue(key=key, value=AnyValue(int_value=100)) for key in _NUMBERS]
    tags = ArrayValue(values=[AnyValue(string_value=tag) for tag in _TAGS])
    pairs.append(KeyValue(key="langfuse.trace.tags", value=AnyValue(array_value=tags)))
    return Span(
        name="chat order-model", kind=Span.SPAN_KIND_INTERNAL, attributes=pairs
    ).SerializeToString()


_EXAMPLE: Final = ZstdCompressionDict(_example(), dict_type=DICT_TYPE_RAWCONTENT)
_EXAMPLE.precompute_compress(level=_LEVEL)


class DamagedError(sqlite3.DatabaseError):
    """What the file holds is not what was written to it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class _Codec(threading.local):
    """One per thread: two threads must not use either object at once."""

    def __init__(self) -> None:
        self.compress = ZstdCompressor(
            _LEVEL, dict_data=_EXAMPLE, write_checksum=True, write_dict_id=False
        ).compress
        self.decompress = ZstdDecompressor(dict_data=_EXAMPLE).decompress


_codec = _Codec()


def compress(content: bytes) -> bytes:
    """Compress a message, with a checksum: SQLite has none."""
    return _codec.compress(content)


def decompress(content: bytes) -> bytes:
    """The message that was compressed; raises DamagedError."""
    try:
        return _codec.decompress(content)
    except ZstdError as error:
        raise DamagedError(f"A stored span cannot be read: {error}") from error
