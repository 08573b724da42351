"""Spans around the run, its nodes, and what they use: tools, retrieval, memory and the model.

Only the OpenTelemetry API is used: without a tracer provider everything here does nothing.
Nodes and services are wrapped, never patched, and know nothing of it.
"""

import dataclasses
import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langsmith import tracing_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from langfuse_otel.privacy import mask

from . import __version__
from . import attributes as names
from .agent.dependencies import Dependencies
from .agent.state import AgentOutput
from .config import settings
from .generation import conversation, usage
from .models.base import ChatModel
from .shop.conversations import Turn
from .shop.handoffs import Handoff
from .shop.policies import Policy

__all__ = ["agent_run", "record_result", "traced_dependencies", "traced_nodes"]

P = ParamSpec("P")
R = TypeVar("R")
Node = TypeVar("Node", bound=Callable[..., object])
Attributes = Mapping[str, AttributeValue]

AGENT_NAME = "order-status"
_GUARDRAILS = frozenset({"authorize"})
_MEMORY = "conversations"
_POLICIES = "delivery-policies"

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer("agent_observability", __version__, schema_url=names.SCHEMA_URL)


@contextmanager
def agent_run(query: str, provider: str) -> Iterator[Span]:
    """Span of one whole turn, with its model's provider; the root unless something is traced."""
    # LangSmith would get every state if LANGSMITH_TRACING is set in the shell.
    with (
        tracing_context(enabled=False),
        _operation(
            f"invoke_agent {AGENT_NAME}",
            {
                names.GEN_AI_OPERATION_NAME: "invoke_agent",
                names.GEN_AI_AGENT_NAME: AGENT_NAME,
                names.GEN_AI_PROVIDER_NAME: provider,
            },
        ) as span,
    ):
        _describe(span, _content, names.LANGFUSE_OBSERVATION_INPUT, query)
        yield span


def record_result(span: Span, result: AgentOutput) -> None:
    """Put what the turn came to on its span, the answer masked."""
    _describe(span, lambda: {names.METADATA_OUTCOME: result["outcome"]})
    _describe(span, lambda: _content(names.LANGFUSE_OBSERVATION_OUTPUT, result["answer"]))


def traced_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Wrap each node, sync or async, in a span of its name; the types stay what they were."""
    return {name: cast("Node", _traced_node(name, node)) for name, node in nodes.items()}


def traced_dependencies(used: Dependencies) -> Dependencies:
    """Wrap what the nodes use: counts, ids and scores are recorded, never what was read."""
    return dataclasses.replace(
        used,
        find_order=_traced(*_tool("get_order", "datastore"), used.find_order),
        search_policies=_traced(
            f"retrieval {_POLICIES}",
            {
                names.GEN_AI_OPERATION_NAME: "retrieval",
                names.GEN_AI_DATA_SOURCE_ID: _POLICIES,
                # Langfuse has no rule for the retrieval operation.
                names.LANGFUSE_OBSERVATION_TYPE: "retriever",
            },
            used.search_policies,
            _ranking,
        ),
        recall=_traced(*_memory("search_memory"), used.recall, _count),
        remember=_traced(
            *_memory("upsert_memory", **{names.GEN_AI_MEMORY_RECORD_COUNT: 1}), used.remember
        ),
        open_handoff=_traced(*_tool("open_handoff", "function"), used.open_handoff, _handoff),
        model=_TracedModel(used.model),
    )


class _TracedModel:
    """A model whose calls are spans; usage and cost are recorded here and nowhere else."""

    def __init__(self, model: ChatModel) -> None:
        self.model_name = model.model_name
        self.provider = model.provider
        self._model = model

    def invoke(self, messages: Sequence[BaseMessage], /) -> AIMessage:
        with _operation(
            f"chat {self.model_name}",
            {
                names.GEN_AI_OPERATION_NAME: "chat",
                names.GEN_AI_PROVIDER_NAME: self.provider,
                names.GEN_AI_REQUEST_MODEL: self.model_name,
            },
            kind=SpanKind.CLIENT,
        ) as span:
            _describe(span, conversation, messages)
            message = self._model.invoke(messages)
            _describe(span, usage, self.model_name, message)
            _describe(span, lambda: _content(names.LANGFUSE_OBSERVATION_OUTPUT, message.text))
            return message


def _content(name: str, text: str) -> Attributes:
    return {name: mask(text)} if settings.capture_content else {}


def _tool(name: str, kind: str) -> tuple[str, Attributes]:
    return f"execute_tool {name}", {
        names.GEN_AI_OPERATION_NAME: "execute_tool",
        names.GEN_AI_TOOL_NAME: name,
        names.GEN_AI_TOOL_TYPE: kind,
    }


def _memory(operation: str, **extra: int) -> tuple[str, Attributes]:
    attributes = {names.GEN_AI_OPERATION_NAME: operation, names.GEN_AI_MEMORY_STORE_ID: _MEMORY}
    return operation, {**attributes, **extra}


def _ranking(found: Sequence[Policy]) -> Attributes:
    return {
        names.METADATA_DOCUMENT_IDS: [each.id for each in found],
        names.METADATA_DOCUMENT_SCORES: [each.score for each in found],
    }


def _count(turns: Sequence[Turn]) -> Attributes:
    return {names.GEN_AI_MEMORY_RECORD_COUNT: len(turns)}


def _handoff(handoff: Handoff) -> Attributes:
    return {names.METADATA_HANDOFF_ID: handoff.id, names.METADATA_HANDOFF_REASON: handoff.reason}


def _traced(
    name: str,
    attributes: Attributes,
    function: Callable[P, R],
    describe: Callable[[R], Attributes] = lambda _: {},
) -> Callable[P, R]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _operation(name, attributes) as span:
            result = function(*args, **kwargs)
            _describe(span, describe, result)
            return result

    return call


def _traced_node(name: str, node: Callable[..., Any]) -> Callable[..., Any]:
    async def run_async(*args: Any, **kwargs: Any) -> object:
        with _operation(name) as span:
            _describe(span, _step, name, kwargs)
            return await node(*args, **kwargs)

    def run(*args: Any, **kwargs: Any) -> object:
        with _operation(name) as span:
            _describe(span, _step, name, kwargs)
            return node(*args, **kwargs)

    return functools.wraps(node)(run_async if inspect.iscoroutinefunction(node) else run)


def _step(name: str, injected: Mapping[str, Any]) -> Attributes:
    found: dict[str, AttributeValue] = {
        names.METADATA_LANGGRAPH_NODE: name,
        names.METADATA_LANGGRAPH_STEP: get_config()["metadata"]["langgraph_step"],
    }
    if name in _GUARDRAILS:
        found[names.LANGFUSE_OBSERVATION_TYPE] = "guardrail"
    execution = getattr(injected.get("runtime"), "execution_info", None)
    if execution is not None and execution.node_attempt > 1:
        found[names.METADATA_ATTEMPT] = execution.node_attempt
    return found


def _describe(span: Span, describe: Callable[P, Attributes], *args: P.args, **kw: P.kwargs) -> None:
    if not span.is_recording():  # Nothing is read, not even a setting.
        return
    try:
        span.set_attributes(describe(*args, **kw))
    except Exception:  # noqa: BLE001 - what succeeded does not fail for its description
        _log.exception("A span lacks a part of its description.")


@contextmanager
def _operation(
    name: str, attributes: Attributes | None = None, kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[Span]:
    # The message of an exception may hold what a customer wrote: only its type is recorded.
    with _tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
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
