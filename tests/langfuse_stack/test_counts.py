"""The Collector's metrics, read for `make status`."""

from langfuse_stack.counts import Counts, parse

METRICS = """\
# HELP otelcol_exporter_sent_spans Number of spans successfully sent to destination.
# TYPE otelcol_exporter_sent_spans counter
otelcol_exporter_sent_spans{exporter="otlp_http/langfuse",server_port="4320"} 50000
otelcol_exporter_sent_spans{exporter="otlp_http/send",server_port="4319"} 49990
otelcol_exporter_sent_spans{exporter="file/given_up"} 10
otelcol_exporter_send_failed_spans_total{exporter="otlp_http/langfuse",failure="a"} 3
otelcol_exporter_send_failed_spans_total{exporter="otlp_http/langfuse",failure="b"} 4
otelcol_exporter_send_failed_spans_total{exporter="otlp_http/send"} 900
otelcol_exporter_queue_size{data_type="traces",exporter="otlp_http/langfuse"} 1.5e+06
otelcol_exporter_queue_capacity{data_type="traces",exporter="otlp_http/langfuse"} 5.36870912e+08
otelcol_exporter_in_flight_requests{data_type="traces",exporter="otlp_http/langfuse"} 1
otelcol_exporter_in_flight_requests{data_type="traces",exporter="otlp_http/send"} 1
otelcol_receiver_accepted_spans{receiver="otlp",transport="http"} 50040
otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 6
otelcol_receiver_accepted_spans{receiver="otlp/queue",transport="http"} 50000
otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 2
otelcol_receiver_refused_spans{receiver="otlp/queue",transport="http"} 900
otelcol_processor_filter_spans_filtered{filter="filter/usage_dropped"} 5
otelcol_processor_filter_spans_filtered{filter="filter/waiting"} 50000
"""


def test_counts_are_summed_over_labels() -> None:
    """With or without Prometheus' suffix; what passes between the Collector's parts is left out."""
    assert parse(METRICS) == Counts(
        waiting=1_500_000,
        capacity=536_870_912,
        in_flight=1,
        accepted=50_046,
        sent=49_990,
        given_up=10,
        dropped=7,
        refused=2,
        failed=900,
        without_usage=5,
    )


def test_what_has_not_happened_counts_zero() -> None:
    """The Collector leaves a counter out until it has counted."""
    found = parse('otelcol_exporter_queue_capacity{exporter="otlp_http/langfuse"} 10\n')
    assert found == Counts(capacity=10)
    assert found.lines() == ["waiting  nothing", "sent     0 spans", "dropped  0 spans"]


def test_spans_in_the_hands_of_the_consumers_are_waiting() -> None:
    """What is under way is not delivered, however little of it is on disk."""
    expected = "waiting  39 spans, 1 requests under way, 1.5 MB of 536.9 MB on disk"
    assert parse(METRICS).lines()[0] == expected
    few = Counts(capacity=10**9, in_flight=1, accepted=39)
    assert few.lines()[0] == "waiting  39 spans, 1 requests under way"


def test_what_an_earlier_process_left_on_disk_is_waiting() -> None:
    """It was accepted before this process counted, so that more may be sent than accepted."""
    left = Counts(waiting=5_380, capacity=536_870_912, sent=40)
    assert left.lines()[0] == "waiting  5.4 kB of 536.9 MB on disk"


def test_what_needs_a_hand_comes_with_the_command() -> None:
    """Refused so far, set aside, changed by the guard, lost: each with what to do."""
    text = "\n".join(parse(METRICS).lines())
    assert "dropped  7 spans" in text
    assert "refused  2 spans" in text
    assert "aside    10 spans, not taken for a day: make resend" in text
    assert "without  5 spans: their token counts" in text
    assert "401 is a wrong key in .env, 500 a store that is away" in text
    assert "are lost: make logs says why" in text
