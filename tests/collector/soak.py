"""A long outage under load, for `make soak`: too long for the tests, run before a release.

Usage: PYTHONPATH=src:tests python tests/collector/soak.py [seconds of outage]

Four senders send as fast as the Collector takes, first with the backend up, then without it while
the Collector is killed every few seconds, then until all has arrived. Prints what it measured;
exits 1 if a span that was answered 200 is missing, or if memory that cannot be reclaimed passed
the container's limit.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from collector_process import Collector
from otlp import request, span

from langfuse_stack import build
from support.otlp_sinks import Sink, accepting

TEXT = "Where is my parcel? " * 25
LIMIT_MIB = 512
SENDERS, SPANS_A_REQUEST, SECONDS_BETWEEN_KILLS = 4, 250, 15


class Load:
    """Sends from several threads and remembers what was promised."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.promised: set[bytes] = set()
        self.refused = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for each in self._threads:
            each.start()

    def _send(self) -> None:
        while not self._stop.is_set():
            spans = [
                span("chat", {"langfuse.observation.input": TEXT, "nonce": os.urandom(64).hex()})
                for _ in range(SPANS_A_REQUEST)
            ]
            try:
                taken = self.collector.send(request(spans)) == 200
            except OSError:
                taken = False  # Killed: not answered, so not promised.
            with self._lock:
                if taken:
                    self.promised.update(each.span_id for each in spans)
                else:
                    self.refused += 1
            if not taken:
                time.sleep(0.2)

    def end(self) -> None:
        """Stop sending."""
        self._stop.set()
        for each in self._threads:
            each.join()


def main(outage_seconds: float) -> int:
    """Run it once; return the exit status."""
    sink, peaks, kills = Sink(accepting, path="/api/public/otel"), [0.0], 0
    sink.up()
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(build.build(), Path(folder), sink.endpoint)
        collector.start()
        load = Load(collector)
        time.sleep(10)
        sink.down()
        down_at = time.monotonic()
        before = len(load.promised)
        while time.monotonic() - down_at < outage_seconds:
            until = time.monotonic() + SECONDS_BETWEEN_KILLS
            while time.monotonic() < until:
                time.sleep(0.2)
                peaks.append(collector.memory_mib("RssAnon"))
            collector.kill()
            kills += 1
            collector.start()
        load.end()
        on_disk = sum(file.stat().st_size for file in collector.storage.iterdir())
        print(f"backend up      {before} spans taken in 10 s")
        print(
            f"backend down    {len(load.promised) - before} more in {outage_seconds:.0f} s,",
            end=" ",
        )
        print(f"{kills} kills, {load.refused} requests refused, {on_disk / 1e6:.0f} MB on disk")
        sink.up()
        up_at = time.monotonic()

        def arrived() -> bool:
            peaks.append(collector.memory_mib("RssAnon"))
            return load.promised <= sink.by_id.keys()

        with sink.changed:  # What was taken but not answered arrives too, so counting is no use.
            sink.changed.wait_for(arrived, timeout=900)
        missing = load.promised - sink.by_id.keys()
        extra = sum(len(s.spans) for r in sink.resource_spans for s in r.scope_spans)
        print(
            f"backend up      {len(sink.by_id)} spans there after {time.monotonic() - up_at:.0f} s,",
            end=" ",
        )
        print(f"{len(missing)} missing, {extra - len(sink.by_id)} sent more than once")
        print(f"peak memory     {max(peaks):.0f} MiB of {LIMIT_MIB} anonymous,", end=" ")
        print(f"{collector.memory_mib('VmHWM'):.0f} MiB resident with the mapped queue")
        collector.stop()
        sink.down()
    return int(bool(missing) or max(peaks) > LIMIT_MIB)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
