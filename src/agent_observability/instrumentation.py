"""Spans around the run, its nodes, its tool, its retrieval and its model call.

Only the OpenTelemetry API is used: without a tracer provider everything here does nothing.
Nodes and services are wrapped, never patched, and know nothing of it.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from . import attributes as names
from .config import settings
from .policies import Policy
from .prices import cost_in_usd
from .privacy import mask

__all__ = [
    "agent_run",
    "record_result",
    "traced_chat",
    "traced_nodes",
    "traced_retrieval",
    "traced_tool",
]

P = ParamSpec("P")
R = TypeVar("R")
Node = TypeVar("Node", bound=Callable[..., object])
Chat = Callable[[Sequence[BaseMessage]], AIMessage]

AGENT_NAME = "order-status"
_GUARDRAILS = frozenset({"authorize"})

_tracer = trace.get_tracer("agent_observability")


@contextmanager
def agent_run(query: str) -> Iterator[Span]:
    """Span of one whole turn; the root when nothing else is being traced."""
    with _operation(
        f"invoke_agent {AGENT_NAME}",
        {names.GEN_AI_OPERATION_NAME: "invoke_agent", names.GEN_AI_AGENT_NAME: AGENT_NAME},
    ) as span:
        if settings.capture_content:
            span.set_attribute(names.LANGFUSE_OBSERVATION_INPUT, mask(query))
        yield span


def record_result(span: Span, *, outcome: str, answer: str) -> None:
    """Put what the turn came to on its span, masked."""
    span.set_attribute(names.METADATA_OUTCOME, outcome)
    if settings.capture_content:
        span.set_attribute(names.LANGFUSE_OBSERVATION_OUTPUT, mask(answer))


def traced_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Wrap each node function in a span of the node's name; the types stay what they were."""
    return {name: cast("Node", _traced_node(name, node)) for name, node in nodes.items()}


def traced_tool(name: str, function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a tool that the agent calls."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _operation(
            f"execute_tool {name}",
            {
                names.GEN_AI_OPERATION_NAME: "execute_tool",
                names.GEN_AI_TOOL_NAME: name,
                names.GEN_AI_TOOL_TYPE: "datastore",
            },
        ):
            return function(*args, **kwargs)

    return call


def traced_retrieval(
    source: str, function: Callable[P, Sequence[Policy]]
) -> Callable[P, Sequence[Policy]]:
    """Wrap a retrieval; document ids are recorded, their text is not."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Sequence[Policy]:
        with _operation(
            f"retrieval {source}",
            {
                names.GEN_AI_OPERATION_NAME: "retrieval",
                names.GEN_AI_DATA_SOURCE_ID: source,
                # Langfuse has no rule for the retrieval operation.
                names.LANGFUSE_OBSERVATION_TYPE: "retriever",
            },
        ) as span:
            documents = function(*args, **kwargs)
            span.set_attribute(names.METADATA_DOCUMENT_IDS, [each.id for each in documents])
            return documents

    return call


def traced_chat(model: str, provider: str, function: Chat) -> Chat:
    """Wrap a model call; usage and cost are recorded here and on no other span."""

    @functools.wraps(function)
    def call(messages: Sequence[BaseMessage]) -> AIMessage:
        with _operation(
            f"chat {model}",
            {
                names.GEN_AI_OPERATION_NAME: "chat",
                names.GEN_AI_PROVIDER_NAME: provider,
                names.GEN_AI_REQUEST_MODEL: model,
            },
            kind=SpanKind.CLIENT,
        ) as span:
            message = function(messages)
            span.set_attributes(_usage(model, message))
            return message

    return call


def _usage(model: str, message: AIMessage) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        names.GEN_AI_RESPONSE_MODEL: message.response_metadata.get("model_name", model)
    }
    if message.usage_metadata is None:
        return found
    tokens = message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]
    found[names.GEN_AI_USAGE_INPUT_TOKENS], found[names.GEN_AI_USAGE_OUTPUT_TOKENS] = tokens
    cost = cost_in_usd(model, *tokens)
    if cost is not None:
        found[names.GEN_AI_USAGE_COST] = cost
    return found


def _traced_node(name: str, node: Callable[P, R]) -> Callable[P, R]:
    kind = {names.LANGFUSE_OBSERVATION_TYPE: "guardrail"} if name in _GUARDRAILS else {}

    @functools.wraps(node)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        step: dict[str, Any] = get_config()["metadata"]
        with _operation(
            name,
            {
                names.METADATA_LANGGRAPH_NODE: name,
                names.METADATA_LANGGRAPH_STEP: step["langgraph_step"],
                **kind,
            },
        ):
            return node(*args, **kwargs)

    return run


@contextmanager
def _operation(
    name: str, attributes: Mapping[str, AttributeValue], kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[Span]:
    # The message of an exception may hold what a customer wrote: only its type is recorded.
    with _tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=dict(attributes),
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except GraphBubbleUp:  # Control flow of LangGraph, not a failure.
            raise
        except BaseException as error:  # A cancelled node must not look successful.
            span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR))
            raise
