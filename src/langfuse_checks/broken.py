"""Two turns of the application with one part of its wiring swapped: the drills' broken runs.

The one module of the checks that imports the application. Nothing of it is copied: a drill swaps
the span processor, wraps a node, or hands other values to the trace context.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, Final, cast
from unittest.mock import patch

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.util.types import AttributeValue

from agent_observability import instrumentation, prices, telemetry
from agent_observability.config import SettingsError, load_settings, settings
from agent_observability.graph import run_agent
from agent_observability.langfuse_context import (
    InvalidTraceContextError,
    langfuse_attributes,
    langfuse_trace_context,
)
from agent_observability.nodes import NODES
from langfuse_checks.drills import REFUSED, expected

__all__ = ["main"]

_ORDER: Final = "ORDER-924"
_METADATA: Final = "langfuse.trace.metadata."
_TAGS: Final = "langfuse.trace.tags"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

Attributes = Mapping[str, AttributeValue]
Step = Callable[..., Any]


def main(name: str) -> int:
    """Run the drill's turns; REFUSED if the context refused them, 2 for a bad setting."""
    # The SDK's own warning about a failed batch; the delivery's report says it in one line.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    try:
        with _BREAKS.get(name, nullcontext)():
            _turns(name)
    except InvalidTraceContextError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _turns(name: str) -> None:
    delivery = telemetry.new_delivery()
    provider = telemetry.configure_tracing(delivery)
    for _ in range(2):
        with _ENTERED.get(name, _context)(name):
            _turn(name)
    if name == "no-flush":
        return
    report = delivery.finish(provider, timeout_seconds=settings.telemetry_shutdown_timeout_seconds)
    if report.lost:
        print(report, file=sys.stderr)


def _turn(name: str) -> None:
    run_agent(
        {
            "query": "Where is my order?",
            "conversation_id": expected(name).session,
            "order_reference": _ORDER,
            "region": "eu",
        }
    )


def _context(name: str, **changes: Any) -> AbstractContextManager[None]:
    wanted = expected(name)
    metadata = {
        "environment": settings.deployment_environment,
        "workflow": "order-status",
        "region": "eu",
    }
    values: dict[str, Any] = {
        "session_id": wanted.session,
        "user_id": wanted.user,
        "trace_name": wanted.trace_name,
        "version": settings.agent_version,
        "tags": wanted.tags,
        "metadata": metadata,
    }
    return langfuse_trace_context(**{**values, **changes})


class _Stamp(SpanProcessor):
    """In place of LangfuseBaggageSpanProcessor: the same context, changed."""

    def __init__(self, change: Callable[[Span, Attributes], Attributes]) -> None:
        self._change = change

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attributes(self._change(span, langfuse_attributes(parent_context)))


@contextmanager
def _stamped(change: Callable[[Span, Attributes], Attributes]) -> Iterator[None]:
    with patch.object(telemetry, "LangfuseBaggageSpanProcessor", lambda: _Stamp(change)):
        yield


def _on_roots(span: Span, attributes: Attributes) -> Attributes:
    return {} if span.parent else attributes


def _with_trace_id(span: Span, attributes: Attributes) -> Attributes:
    trace_id = format(span.get_span_context().trace_id, "032x")
    return {**attributes, "langfuse.session.id": trace_id}


def _with_joined_tags(_: Span, attributes: Attributes) -> Attributes:
    # The chapter's own lines: ",".join(tags) into baggage, .split(",") out of it.
    joined = ",".join(cast("tuple[str, ...]", attributes.get(_TAGS, ())))
    return {**attributes, _TAGS: [tag for tag in joined.split(",") if tag]}


def _without_prefix(_: Span, attributes: Attributes) -> Attributes:
    return {key.removeprefix(_METADATA): value for key, value in attributes.items()}


@contextmanager
def _wrapped(node: str, wrap: Callable[[Step], Step]) -> Iterator[None]:
    nodes = cast("dict[str, Any]", NODES)
    with patch.dict(nodes, {node: wrap(nodes[node])}):
        yield


def _inside_context(node: Step) -> Step:
    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _context("inside-node"):
            return node(*args, **kwargs)

    return run


def _on_thread(node: Step) -> Step:
    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> Any:
        results: list[Any] = []
        work = threading.Thread(target=lambda: results.append(node(*args, **kwargs)))
        work.start()
        work.join()
        return results[0]

    return run


def _with_usage(node: Step) -> Step:
    @wraps(node)
    def run(*args: Any, **kwargs: Any) -> Any:
        trace.get_current_span().set_attributes(
            {
                "gen_ai.usage.input_tokens": 120,
                "gen_ai.usage.output_tokens": 30,
                "gen_ai.usage.cost": 0.000036,
            }
        )
        return node(*args, **kwargs)

    return run


@contextmanager
def _text_cost() -> Iterator[None]:
    def as_text(*call: Any) -> str:
        return str(prices.cost_in_usd(*call))

    with patch.object(instrumentation, "cost_in_usd", as_text):
        yield


@contextmanager
def _wrong_path() -> Iterator[None]:
    endpoint = settings.otel_exporter_otlp_traces_endpoint
    with patch.dict(os.environ, {_ENDPOINT: f"{endpoint}/v1/traces"}):
        load_settings.cache_clear()
        yield


_BREAKS: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = {
    "root-only": lambda: _stamped(_on_roots),
    "inside-node": lambda: _wrapped("lookup_order", _inside_context),
    "trace-id-session": lambda: _stamped(_with_trace_id),
    "wrong-path": _wrong_path,
    "comma-tag": lambda: _stamped(_with_joined_tags),
    "double-usage": lambda: _wrapped("compose_answer", _with_usage),
    "plain-thread": lambda: _wrapped("lookup_order", _on_thread),
    "bare-metadata": lambda: _stamped(_without_prefix),
    "text-cost": _text_cost,
}
_ENTERED: Final[Mapping[str, Callable[[str], AbstractContextManager[None]]]] = {
    "inside-node": lambda _: nullcontext(),
    "email-user": lambda name: _context(name, user_id="anna.k@example.com"),
    "order-metadata": lambda name: _context(name, metadata={"workflow": _ORDER}),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
