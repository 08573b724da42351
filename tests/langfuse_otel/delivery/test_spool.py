"""The spool: what could not be delivered is kept, bounded and private, and sent later, once."""

import json
import stat
from pathlib import Path

import pytest
from benchmarks.failures import run
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from langfuse_otel.delivery import Spool, resend
from support.deliveries import finished
from support.otlp_sinks import sink

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
