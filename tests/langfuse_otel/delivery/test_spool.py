"""The spool: what could not be delivered is kept, bounded and private, and sent later, once."""

import errno
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest
from benchmarks.failures import run
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from langfuse_otel.delivery import Spool, resend
from support.deliveries import finished
from support.otlp_sinks import answering, sink

MIB = 2**20


@pytest.mark.parametrize("mode", ["refuses", "hangs", "503", "400"])
@pytest.mark.parametrize("count", [10, 2000])
def test_what_was_not_delivered_is_kept(tmp_path: Path, mode: str, count: int) -> None:
    """Failed, unconfirmed and never sent spans alike are in the spool, within the shutdown."""
    spool = Spool(tmp_path / "spool", max_bytes=64 * MIB)
    cell = run(mode, count, shutdown_seconds=4, spool=spool)
    assert cell.report.spooled == cell.report.lost == count
    assert f"{count} are kept for `make resend`" in str(cell.report)
    assert cell.seconds < 5


def test_a_file_is_one_line_of_otlp_json(tmp_path: Path) -> None:
    """Ids are hex digits and enums numbers, as the OTLP/JSON specification wants them."""
    [span] = finished(1)
    Spool(tmp_path, max_bytes=MIB).keep([span])
    [path] = tmp_path.iterdir()
    text = path.read_text()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    [written] = json.loads(text)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span.context is not None
    assert span.parent is not None
    assert written["traceId"] == format(span.context.trace_id, "032x")
    assert written["spanId"] == format(span.context.span_id, "016x")
    assert written["parentSpanId"] == format(span.parent.span_id, "016x")
    assert written["links"][0]["spanId"] == format(span.parent.span_id, "016x")
    assert written["kind"] == 1
    assert set(json.loads(text)) <= {field.name for field in TracesData.DESCRIPTOR.fields} | {
        "resourceSpans"
    }


def test_the_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Directory 0700, files 0600, no partial file left."""
    directory = tmp_path / "spool"
    Spool(directory, max_bytes=MIB).keep(finished(1))
    [path] = directory.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_oldest_give_way_and_are_counted(tmp_path: Path) -> None:
    """The spool stays within its size, and says how many spans that cost."""
    spool = Spool(tmp_path, max_bytes=20_000)
    for _ in range(20):
        spool.keep(finished(5))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size <= 20_000
    assert len(spool.batches()) * 5 + spool.removed == 100
    assert spool.removed > 0
    spool.keep(finished(200))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000


def test_a_spool_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """A file where the directory should be: nothing is kept, and nothing raises."""
    (tmp_path / "spool").write_text("")
    spool = Spool(tmp_path / "spool", max_bytes=MIB)
    spool.keep(finished(1))
    assert spool.kept == 0


@pytest.mark.parametrize("mode", ["refuses", "400", "503", "redirects", "answers HTML"])
def test_what_is_not_taken_stays(tmp_path: Path, mode: str) -> None:
    """Resending to a receiver that does not take it loses nothing and says why."""
    spool = Spool(tmp_path, max_bytes=MIB)
    spool.keep(finished(3))
    with sink(mode) as receiver:
        sent, left, cause = resend(spool, endpoint=receiver.endpoint, timeout_seconds=2)
    assert (sent, left) == (0, 3)
    assert cause
    assert len(spool.batches()) == 1


def test_what_gave_way_is_not_said_to_be_kept(tmp_path: Path) -> None:
    """The count is of what is there, after the size's bound as after somebody's broom."""
    spool = Spool(tmp_path, max_bytes=20_000)
    for _ in range(20):
        spool.keep(finished(5))
    assert spool.kept == 5 * len(spool.batches()) < 100
    spool.batches()[0].unlink()
    assert spool.kept == 5 * len(spool.batches())


def test_a_child_counts_what_it_keeps_itself(tmp_path: Path) -> None:
    """After a fork neither process counts the other's spans."""
    spool = Spool(tmp_path, max_bytes=MIB)
    spool.keep(finished(5))
    reader, writer = os.pipe()
    if os.fork() == 0:
        spool.keep(finished(3))
        os.write(writer, bytes([spool.kept, spool.removed]))
        os._exit(0)
    os.wait()
    assert os.read(reader, 2) == bytes([3, 0])
    assert spool.kept == 5


def test_half_a_surrogate_pair_costs_its_span(tmp_path: Path) -> None:
    """The others of its batch are kept."""
    spool = Spool(tmp_path, max_bytes=MIB)
    bad = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span("\ud83d")
    bad.end()
    assert isinstance(bad, ReadableSpan)
    spool.keep([*finished(5), bad])
    assert spool.kept == 5


def test_a_file_is_small_enough_for_any_receiver(tmp_path: Path) -> None:
    """A large batch becomes several files, none beyond 1 MiB, and each can be resent."""
    spool = Spool(tmp_path, max_bytes=64 * MIB)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    made = [tracer.start_span("span", attributes={"text": "x" * 30_000}) for _ in range(100)]
    for span in made:
        span.end()
    spool.keep([span for span in made if isinstance(span, ReadableSpan)])
    assert spool.kept == 100
    assert len(spool.batches()) > 2
    assert max(path.stat().st_size for path in spool.batches()) <= MIB
    with sink(answering("200 OK")) as receiver:
        sent = resend(spool, endpoint=receiver.endpoint, timeout_seconds=2)
    assert sent == (100, 0, "")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written whole is removed, and so is what a killed process left."""
    stale = tmp_path / "1-1-000000-5.part"
    stale.write_text("half")
    os.utime(stale, (0, 0))
    fresh = tmp_path / "2-1-000000-5.part"  # Another process is at it.
    fresh.write_text("half")
    spool = Spool(tmp_path, max_bytes=MIB)

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        spool.keep(finished(5))
    assert list(tmp_path.iterdir()) == [fresh]
    assert spool.kept == 0
    spool.keep(finished(5))
    assert spool.kept == 5


def test_what_is_not_the_spools_is_left_alone(tmp_path: Path) -> None:
    """Other files and links are neither removed for room, nor sent, nor counted, but named."""
    other = tmp_path / "elsewhere"
    other.write_text("{}")
    directory = tmp_path / "spool"
    spool = Spool(directory, max_bytes=5000)
    spool.keep(finished(1))
    (directory / "notes.jsonl").write_text("x" * 10_000)
    (directory / "1-2-x-5.jsonl").write_text("x" * 10_000)
    (directory / "1-2-000001-5.jsonl").symlink_to(other)
    (directory / "1-2-000002-5.jsonl").mkdir()
    for _ in range(5):
        spool.keep(finished(3))
    assert spool.foreign() == [
        "1-2-000001-5.jsonl",
        "1-2-000002-5.jsonl",
        "1-2-x-5.jsonl",
        "notes.jsonl",
    ]
    assert spool.kept > 0
    with sink(answering("200 OK")) as receiver:
        assert resend(spool, endpoint=receiver.endpoint, timeout_seconds=2)[1:] == (0, "")
    assert len(list(directory.iterdir())) == 4
    assert other.read_text() == "{}"


def test_a_linked_directory_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written to where a link points, nothing there is sent or removed."""
    real = tmp_path / "real"
    Spool(real, max_bytes=MIB).keep(finished(2))
    link = tmp_path / "spool"
    link.symlink_to(real)
    spool = Spool(link, max_bytes=10)
    spool.keep(finished(2))
    assert "is a link and is left alone" in caplog.text
    assert len(list(real.iterdir())) == 1
    sent, left, cause = resend(spool, endpoint="http://localhost:9/", timeout_seconds=1)
    assert (sent, left) == (0, 0)
    assert cause.endswith("is a link and is left alone")
    assert len(list(real.iterdir())) == 1


def test_a_file_that_vanishes_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may send or remove a file between the listing and the look at it."""
    spool = Spool(tmp_path, max_bytes=MIB)
    spool.keep(finished(2))
    [vanishing] = spool.batches()
    lstat = Path.lstat

    def vanish(path: Path) -> os.stat_result:
        if path == vanishing:
            vanishing.unlink(missing_ok=True)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", vanish)
    spool.keep(finished(3))
    assert spool.kept == 3
    assert spool.removed == 0


def test_parallel_resends_report_what_each_sent(tmp_path: Path) -> None:
    """Each file is sent once, and the counts add up."""
    spool = Spool(tmp_path, max_bytes=MIB)
    for _ in range(20):
        spool.keep(finished(3))
    with sink(answering("200 OK")) as receiver, ThreadPoolExecutor(4) as pool:
        sending = [
            pool.submit(resend, spool, endpoint=receiver.endpoint, timeout_seconds=5)
            for _ in range(4)
        ]
        results = [each.result() for each in sending]
        assert len(receiver.requests) == 20
    assert sum(sent for sent, _, _ in results) == 60
    assert {left for _, left, _ in results} == {0}


def test_a_file_of_somebody_else_stays_and_says_so(tmp_path: Path) -> None:
    """What may not be read is left, with the cause."""
    spool = Spool(tmp_path, max_bytes=MIB)
    spool.keep(finished(3))
    [path] = spool.batches()

    def refuse(*_: object) -> int:
        raise PermissionError

    with sink(answering("200 OK")) as receiver, patch.object(os, "open", refuse):
        sent, left, cause = resend(spool, endpoint=receiver.endpoint, timeout_seconds=1)
    assert (sent, left) == (0, 3)
    assert "cannot be read" in cause
    assert path.exists()
