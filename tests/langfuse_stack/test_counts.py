"""The Collector's metrics, read for `make status`."""

from langfuse_stack.counts import Counts, parse

METRICS = """\
# HELP otelcol_exporter_sent_spans Number of spans successfully sent to destination.
# TYPE otelcol_exporter_sent_spans counter
otelcol_exporter_sent_spans{exporter="otlp_http/langfuse"} 50000
otelcol_exporter_send_failed_spans_total{exporter="otlp_http/langfuse",failure="a"} 3
otelcol_exporter_send_failed_spans_total{exporter="otlp_http/langfuse",failure="b"} 4
otelcol_exporter_queue_size{data_type="traces",exporter="otlp_http/langfuse"} 1.5e+06
otelcol_exporter_queue_capacity{data_type="traces",exporter="otlp_http/langfuse"} 5.36870912e+08
otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 2
"""


def test_counts_are_summed_over_labels() -> None:
    """With or without Prometheus' suffix, however many label sets there are."""
    assert parse(METRICS) == Counts(
        waiting=1_500_000, capacity=536_870_912, sent=50_000, dropped=7, refused=2
    )


def test_what_has_not_happened_counts_zero() -> None:
    """The Collector leaves a counter out until it has counted."""
    found = parse("otelcol_exporter_queue_capacity 10\n")
    assert found == Counts(waiting=0, capacity=10, sent=0, dropped=0, refused=0)
    assert found.lines() == ["queued   0.0 of 0 MB", "sent     0 spans", "dropped  0 spans"]


def test_a_loss_comes_with_the_fix() -> None:
    """Dropped spans are said with what to look at."""
    text = "\n".join(parse(METRICS).lines())
    assert "dropped  7 spans" in text
    assert "make logs" in text
    assert "docs/collector.md" in text
