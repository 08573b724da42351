"""Details of rows that were stored before format 4: deflated JSON with metadata keys and all."""

from __future__ import annotations

import zlib

__all__ = ["inflate"]

# Deflate reads back into these words; rows of older files refer to them by place.
_WORDS = b"".join(
    b'"attributes.%s":"' % word
    for word in (
        b"input.value",
        b"output.value",
        b"openinference.span.kind",
        b"langfuse.observation.metadata.langgraph_step",
        b"langfuse.observation.completion_start_time",
        b"langfuse.observation.type",
        b"langfuse.trace.metadata",
        b"langfuse.environment",
        b"langfuse.internal.is_app_root",
        b"gen_ai.agent.name",
        b"gen_ai.conversation.id",
        b"gen_ai.tool.name",
        b"gen_ai.tool.call.id",
        b"gen_ai.provider.name",
        b"gen_ai.response.model",
        b"gen_ai.request.model",
        b"gen_ai.usage.cost",
        b"gen_ai.usage.output_tokens",
        b"gen_ai.usage.input_tokens",
        b"gen_ai.operation.name",
        b"langfuse.session.id",
        b"langfuse.user.id",
        b"langfuse.trace.name",
        b"langfuse.version",
        b"langfuse.trace.tags",
    )
) + (
    b'"langgraph_node":"","langgraph_step":"1","environment":"development","region":"eu",'
    b'"workflow":"order-status"},"{}",{"input":,"output":,"total":},{},"",null,null,null]'
)


def inflate(details: bytes) -> bytes:
    """The JSON of a row's details."""
    decompressor = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_WORDS)
    return decompressor.decompress(details)
