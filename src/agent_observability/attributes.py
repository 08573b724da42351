"""Every span attribute name that this application sets, once.

The names of the trace context (session, user, tags, trace metadata) live in
`langfuse_context.py`, so that it can be copied alone.

`gen_ai.*` follows the OpenTelemetry GenAI semantic conventions. They are written out because
the constants in `opentelemetry-semantic-conventions` are deprecated and have no successor yet.
`langfuse.*` is Langfuse's OTLP attribute mapping.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
"""The semantic conventions whose names the `gen_ai.*` attributes are."""

GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
GEN_AI_MEMORY_RECORD_COUNT: Final = "gen_ai.memory.record.count"
GEN_AI_MEMORY_STORE_ID: Final = "gen_ai.memory.store.id"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE: Final = "gen_ai.tool.type"
GEN_AI_USAGE_COST: Final = "gen_ai.usage.cost"
"""Read by Langfuse as US dollars; must be a number, a string becomes 0."""
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"

LANGFUSE_OBSERVATION_INPUT: Final = "langfuse.observation.input"
LANGFUSE_OBSERVATION_OUTPUT: Final = "langfuse.observation.output"
LANGFUSE_OBSERVATION_TYPE: Final = "langfuse.observation.type"
"""Lower case (`guardrail`, `retriever`, ...); any other spelling is ignored by Langfuse."""

METADATA_LANGGRAPH_NODE: Final = "langfuse.observation.metadata.langgraph_node"
METADATA_LANGGRAPH_STEP: Final = "langfuse.observation.metadata.langgraph_step"
"""Langfuse draws its graph view from these two."""
METADATA_ATTEMPT: Final = "langfuse.observation.metadata.attempt"
"""Counts from 1; absent on the first attempt."""
METADATA_DOCUMENT_IDS: Final = "langfuse.observation.metadata.document_ids"
METADATA_DOCUMENT_SCORES: Final = "langfuse.observation.metadata.document_scores"
METADATA_HANDOFF_ID: Final = "langfuse.observation.metadata.handoff_id"
METADATA_HANDOFF_REASON: Final = "langfuse.observation.metadata.handoff_reason"
METADATA_OUTCOME: Final = "langfuse.observation.metadata.outcome"

ERROR_TYPE: Final = "error.type"
