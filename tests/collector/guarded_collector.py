"""The real Collector between a test's spans and what arrives of them."""

from collector_process import Collector
from guard_corpus import Span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.otlp_sinks import Sink


class Guard:
    """Sends spans through the Collector and returns what arrives."""

    def __init__(self, collector: Collector, sink: Sink) -> None:
        self.collector, self.sink = collector, sink

    def pass_through(self, spans: list[Span]) -> list[Span]:
        """Return the spans as they arrive, in the order given."""
        requests = [each.request() for each in spans]
        ids = [each.resource_spans[0].scope_spans[0].spans[0].span_id for each in requests]
        expected = len(self.sink.resource_spans) + len(requests)
        whole = ExportTraceServiceRequest()
        for each in requests:
            whole.MergeFrom(each)
        assert self.collector.send(whole) == 200
        with self.sink.changed:
            assert self.sink.changed.wait_for(
                lambda: len(self.sink.resource_spans) >= expected, timeout=20
            )
        arrived = {each.scope_spans[0].spans[0].span_id: each for each in self.sink.resource_spans}
        return [Span.of(arrived[each]) for each in ids]
