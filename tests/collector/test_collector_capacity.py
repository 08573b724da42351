"""More spans than the Collector has room for: senders are told to wait, and nothing is lost."""

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from collector_process import QUICKLY, Collector, running, wait_until
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otlp import request, span

from support.otlp_sinks import Sink

CONTAINER_LIMIT_MIB = 512
"""What docker-compose.yml gives the Collector's container; memory_limiter stays below it."""

SMALL_QUEUE = (
    QUICKLY
    + """
      queue_size: 500000
"""
)


def _turn() -> list[Span]:
    # Random text, so that it stays as large on disk as it is here.
    return [span("chat", {"langfuse.observation.input": os.urandom(8000).hex()}) for _ in range(4)]


def _fill(collector: Collector) -> dict[bytes, Span]:
    """Send until the Collector refuses five times; return what it promised, by span id."""
    promised: dict[bytes, Span] = {}
    refused = 0
    while refused < 5:
        spans = _turn()
        status = collector.send(request(spans))
        assert status in {200, 503}
        if status == 200:
            promised.update({each.span_id: each for each in spans})
        refused += status == 503
    return promised


def _recovers(collector: Collector, sink: Sink, promised: dict[bytes, Span]) -> None:
    sink.up()
    sink.wait_for_spans(len(promised))
    after = _turn()
    assert collector.send(request(after)) == 200
    promised |= {each.span_id: each for each in after}
    assert sink.wait_for_spans(len(promised)) == promised


def test_a_full_queue_makes_senders_wait(binary: Path, tmp_path: Path, sink: Sink) -> None:
    """Refused with 503, which SDKs retry, and a line says why; room again without a restart."""
    sink.down()
    with running(binary, tmp_path, sink.endpoint, overlay=SMALL_QUEUE) as collector:
        promised = _fill(collector)
        assert "sending queue is full" in collector.log()
        _recovers(collector, sink, promised)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount 8 MiB where the queue is kept; only root may, and not in every container."""
    directory = tmp_path / "queue"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(directory)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted: make test as root on Linux")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_a_full_disk_makes_senders_wait(
    binary: Path, tmp_path: Path, sink: Sink, small_disk: Path
) -> None:
    """The same when the disk is full before the queue is: 503, a line, recovery."""
    sink.down()
    with running(binary, tmp_path, sink.endpoint, overlay=QUICKLY) as collector:
        assert collector.storage == small_disk
        promised = _fill(collector)
        assert "no space left on device" in collector.log()
        _recovers(collector, sink, promised)


def _taken(collector: Collector, spans: list[Span]) -> bool:
    return collector.send(request(spans)) == 200


def test_a_burst_of_50_000_spans_arrives_within_the_memory_limit(
    binary: Path, tmp_path: Path, sink: Sink
) -> None:
    """Sent as fast as it is taken, 500 a request from four senders: counts equal, memory bounded."""
    text = "Where is my parcel? " * 25

    def send(collector: Collector) -> None:
        for _ in range(25):
            spans = [span("chat", {"langfuse.observation.input": text}) for _ in range(500)]
            wait_until(partial(_taken, collector, spans), "A request is taken")

    with running(binary, tmp_path, sink.endpoint) as collector:
        senders = [threading.Thread(target=send, args=(collector,)) for _ in range(4)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
        assert len(sink.wait_for_spans(50_000, seconds=90)) == 50_000
        wait_until(lambda: collector.counts().sent == 50_000, "All are sent")
        assert collector.memory_mib("VmHWM") < CONTAINER_LIMIT_MIB
