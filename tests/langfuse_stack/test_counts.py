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
otelcol_exporter_in_flight_requests{data_type="traces",exporter="otlp_http/langfuse"} 1
otelcol_receiver_accepted_spans{receiver="otlp",transport="http"} 50046
otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 2
"""


def test_counts_are_summed_over_labels() -> None:
    """With or without Prometheus' suffix, however many label sets there are."""
    assert parse(METRICS) == Counts(
        waiting=1_500_000,
        capacity=536_870_912,
        in_flight=1,
        accepted=50_046,
        sent=50_000,
        dropped=7,
        refused=2,
    )


def test_what_has_not_happened_counts_zero() -> None:
    """The Collector leaves a counter out until it has counted."""
    found = parse("otelcol_exporter_queue_capacity 10\n")
    assert found == Counts(0, 10, in_flight=0, accepted=0, sent=0, dropped=0, refused=0)
    assert found.lines() == ["waiting  nothing", "sent     0 spans", "dropped  0 spans"]


def test_spans_in_the_hands_of_the_consumers_are_waiting() -> None:
    """What is under way is not delivered, however little of it is on disk."""
    expected = "waiting  39 spans, 1 requests under way, 1.5 MB of 536.9 MB on disk"
    assert parse(METRICS).lines()[0] == expected
    few = Counts(0, 10**9, in_flight=1, accepted=39, sent=0, dropped=0, refused=0)
    assert few.lines()[0] == "waiting  39 spans, 1 requests under way"


def test_what_an_earlier_process_left_on_disk_is_waiting() -> None:
    """It was accepted before this process counted, so that more may be sent than accepted."""
    left = Counts(5_380, 536_870_912, in_flight=0, accepted=0, sent=40, dropped=0, refused=0)
    assert left.lines()[0] == "waiting  5.4 kB of 536.9 MB on disk"


def test_a_loss_comes_with_the_fix() -> None:
    """Dropped spans are said with what to look at."""
    text = "\n".join(parse(METRICS).lines())
    assert "dropped  7 spans" in text
    assert "make logs" in text
    assert "docs/collector.md" in text
