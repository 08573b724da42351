"""Runs two turns of the application with one part of its wiring broken, as a drill's process.

This is the only module of the checks that imports the application, and it copies nothing of it. It
touches only what every version of the chapter's files has: `langfuse_trace_context()` where a
turn enters it, and `LangfuseBaggageSpanProcessor.on_start()`.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import Any, Final, cast
from unittest.mock import patch

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.util.types import AttributeValue

from agent_observability import generation
from agent_observability.agent.services import open_services
from agent_observability.commands import turn
from agent_observability.commands.console import leave_receipts, print_delivery, run, tracing
from agent_observability.config import load_settings, settings
from agent_observability.graph import NODES
from agent_observability.langfuse_context import langfuse_trace_context
from agent_observability.models import prices
from agent_observability.telemetry import LangfuseBaggageSpanProcessor
from langfuse_otel import InvalidTraceContextError

from .table import REFUSED, expected

__all__ = ["main"]

_METADATA: Final = "langfuse.trace.metadata."
_TAGS: Final = "langfuse.trace.tags"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

Attributes = Mapping[str, AttributeValue]
Break = Callable[[], AbstractContextManager[object]]
Step = Callable[..., Any]


def main(name: str) -> int:
    """Run the drill's turns; REFUSED if the context refused them, else the code of `run()`."""
    refused: list[InvalidTraceContextError] = []

    def two_turns() -> None:
        wanted = expected(name)
        question = turn.Question(conversation_id=wanted.session)
        try:
            with tracing() as provider:
                for _ in range(2):
                    turn.run_turn(question, open_services())
        except InvalidTraceContextError as error:
            refused.append(error)
            raise
        leave_receipts(provider, session_id=wanted.session, user_id=wanted.user)
        print_delivery(provider)

    with _entering(partial(_context, name)), _BREAKS[name]():
        code = run(two_turns)
    return REFUSED if refused else code


def _context(name: str, **values: Any) -> AbstractContextManager[None]:
    """The turn's own context, with the user and the tags of the drill."""
    wanted = expected(name)
    return langfuse_trace_context(**{**values, "user_id": wanted.user, "tags": wanted.tags})


def _entering(
    context: Callable[..., AbstractContextManager[object]],
) -> AbstractContextManager[object]:
    return patch.object(turn, "langfuse_trace_context", context)


def _with(**changes: object) -> AbstractContextManager[object]:
    return _entering(lambda **values: langfuse_trace_context(**{**values, **changes}))


class _Stamped:
    """Takes what the processor would stamp on a span."""

    def __init__(self) -> None:
        self.attributes: dict[str, AttributeValue] = {}

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Attributes) -> None:
        self.attributes.update(attributes)


def _stamped(change: Callable[[Span, Attributes], Attributes]) -> AbstractContextManager[object]:
    stamp = LangfuseBaggageSpanProcessor.on_start

    def on_start(
        processor: LangfuseBaggageSpanProcessor, span: Span, parent_context: Context | None = None
    ) -> None:
        stamped = _Stamped()
        stamp(processor, cast("Span", stamped), parent_context)
        span.set_attributes(change(span, stamped.attributes))

    return patch.object(LangfuseBaggageSpanProcessor, "on_start", on_start)


def _on_roots(span: Span, attributes: Attributes) -> Attributes:
    return {} if span.parent else attributes


def _with_trace_id(span: Span, attributes: Attributes) -> Attributes:
    trace_id = format(span.get_span_context().trace_id, "032x")
    return {**attributes, "langfuse.session.id": trace_id}


def _with_joined_tags(_: Span, attributes: Attributes) -> Attributes:
    # The chapter's own two lines: ",".join(tags) into baggage, .split(",") out of it.
    joined = ",".join(cast("Sequence[str]", attributes.get(_TAGS, ())))
    return {**attributes, _TAGS: [tag for tag in joined.split(",") if tag]}


def _without_prefix(_: Span, attributes: Attributes) -> Attributes:
    return {key.removeprefix(_METADATA): value for key, value in attributes.items()}


@contextmanager
def _wrapped(node: str, wrap: Callable[[Step], Step]) -> Iterator[None]:
    nodes = cast("dict[str, Any]", NODES)
    with patch.dict(nodes, {node: wrap(nodes[node])}):
        yield


@contextmanager
def _inside_node() -> Iterator[None]:
    entered: list[dict[str, Any]] = []

    def remember(**values: Any) -> AbstractContextManager[None]:
        entered.append(values)
        return nullcontext()

    def inside(node: Step) -> Step:
        @wraps(node)
        def run(*args: Any, **kwargs: Any) -> object:
            with _context("inside-node", **entered[-1]):
                return node(*args, **kwargs)

        return run

    with _entering(remember), _wrapped("lookup_order", inside):
        yield


def _on_thread(node: Step) -> Step:
    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> object:
        results: list[object] = []
        work = threading.Thread(target=lambda: results.append(node(*args, **kwargs)))
        work.start()
        work.join()
        return results[0]

    return run


def _with_usage(node: Step) -> Step:
    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> object:
        trace.get_current_span().set_attributes(
            {
                "gen_ai.usage.input_tokens": 120,
                "gen_ai.usage.output_tokens": 30,
                "gen_ai.usage.cost": 0.000036,
            }
        )
        return node(*args, **kwargs)

    return run


def _unflushed() -> AbstractContextManager[object]:
    # Not undone: the SDK's own exit hook would deliver after all.
    for name in ("force_flush", "shutdown"):
        patch.object(TracerProvider, name, lambda *_, **__: True).start()
    return nullcontext()


def _text_cost() -> AbstractContextManager[object]:
    def as_text(*call: Any) -> str:
        return str(prices.cost_in_usd(*call))

    return patch.object(generation, "cost_in_usd", as_text)


@contextmanager
def _wrong_path() -> Iterator[None]:
    doubled = f"{settings.otel_exporter_otlp_traces_endpoint}/v1/traces"
    with patch.dict(os.environ, {_ENDPOINT: doubled}):
        load_settings.cache_clear()
        yield


_BREAKS: Final[Mapping[str, Break]] = {
    "root-only": lambda: _stamped(_on_roots),
    "inside-node": _inside_node,
    "no-flush": _unflushed,
    "trace-id-session": lambda: _stamped(_with_trace_id),
    "wrong-path": _wrong_path,
    "comma-tag": lambda: _stamped(_with_joined_tags),
    "email-user": lambda: _with(user_id="anna.k@example.com"),
    "order-metadata": lambda: _with(
        metadata={"environment": "development", "workflow": "ORDER-924", "region": "eu"}
    ),
    "double-usage": lambda: _wrapped("compose_answer", _with_usage),
    "plain-thread": lambda: _wrapped("lookup_order", _on_thread),
    "bare-metadata": lambda: _stamped(_without_prefix),
    "text-cost": _text_cost,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
