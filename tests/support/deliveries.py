"""Spans to deliver, and what is said of them."""

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Link

from langfuse_otel.delivery import Report

__all__ = ["counts", "finished"]


def counts(report: Report) -> dict[str, int]:
    """The four counts, without those that are 0."""
    found = {
        name: getattr(report, name) for name in ("delivered", "failed", "dropped", "unconfirmed")
    }
    return {name: count for name, count in found.items() if count}


def finished(count: int) -> list[ReadableSpan]:
    """Finished spans with a link, a parent and every kind of attribute."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    with tracer.start_as_current_span("root") as root:
        links = [Link(root.get_span_context())]
        made = [tracer.start_span(f"span {n}", links=links) for n in range(count)]
    for each in made:
        each.set_attributes({"text": "Grüße\n", "n": 2**53 + 1, "f": 0.5, "b": True, "l": ["a"]})
        each.end()
    return [each for each in made if isinstance(each, ReadableSpan)]
