"""The real Collector with the shipped configuration, as a process of the test."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from langfuse_stack import build, counts

CONFIG = build.ROOT / "otel-collector-config.yaml"
RELAY_CONFIG = build.ROOT / "collector" / "Caddyfile"
QUICKLY = """
exporters:
  otlp_http/langfuse:
    timeout: 1s
    retry_on_failure:
      initial_interval: 100ms
    sending_queue:
      batch:
        flush_timeout: 10ms
"""
"""An overlay for tests of what happens rather than when: the same steps, sooner."""

KEYS = {"LANGFUSE_PUBLIC_KEY": "pk-lf-test", "LANGFUSE_SECRET_KEY": "sk-lf-test"}


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 20.0) -> None:
    """Poll until the condition holds, or fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Collector:
    """One Collector: its addresses stay the same when it is started again."""

    def __init__(
        self,
        binary: Path,
        directory: Path,
        endpoint: str,
        keys: Mapping[str, str] = KEYS,
        *,
        overlay: str | None = None,
    ) -> None:
        self.binary, self.directory = binary, directory
        self.storage = directory / "queue"
        self.http, self.grpc, self.health, self.metrics_port, *self._between = free_ports(6)
        self.configs = [CONFIG]
        self.process: subprocess.Popen[bytes] | None = None
        self.relay: subprocess.Popen[bytes] | None = None
        self.environment: Mapping[str, str] = {**keys, **self._environment(endpoint)}
        self._log = directory / "collector.log"
        if overlay is not None:
            (directory / "overlay.yaml").write_text(overlay)
            self.configs.append(directory / "overlay.yaml")

    def _environment(self, endpoint: str) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANGFUSE_BASE_URL": endpoint.removesuffix("/api/public/otel"),
            "LANGFUSE_OTLP_ENDPOINT": f"http://127.0.0.1:{self._between[0]}/api/public/otel",
            "OTELCOL_RELAY_PORT": str(self._between[0]),
            "OTELCOL_QUEUE_ENDPOINT": f"127.0.0.1:{self._between[1]}",
            "OTELCOL_HTTP_ENDPOINT": f"127.0.0.1:{self.http}",
            "OTELCOL_GRPC_ENDPOINT": f"127.0.0.1:{self.grpc}",
            "OTELCOL_HEALTH_ENDPOINT": f"127.0.0.1:{self.health}",
            "OTELCOL_METRICS_HOST": "127.0.0.1",
            "OTELCOL_METRICS_PORT": str(self.metrics_port),
            "OTELCOL_STORAGE_DIR": str(self.storage),
        }

    def command(self, *arguments: str) -> list[str]:
        """Return the command line with the configuration."""
        configs = [f"--config={path}" for path in self.configs]
        return [str(self.binary), *arguments, *configs]

    def start(self) -> None:
        """Start it and the relay, and wait until both answer."""
        if self.relay is None:
            self._start_relay()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment, cwd=self.directory, stdout=log, stderr=log
            )
        wait_until(self._ready, "The Collector is healthy")

    def _start_relay(self) -> None:
        command = [str(build.built_relay()), "run", "--adapter", "caddyfile"]
        with (self.directory / "relay.log").open("ab") as log:
            self.relay = subprocess.Popen(
                [*command, "--config", str(RELAY_CONFIG)],
                env={**self.environment, "HOME": str(self.directory)},
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return (_get(self.health, "/")[0], _get(self._between[0], "/health")[0]) == (200, 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop both in good order (SIGTERM)."""
        self._end(signal.SIGTERM)
        if self.relay is not None:
            self.relay.terminate()
            self.relay.wait(timeout=30)
            self.relay = None

    def kill(self) -> None:
        """End the Collector at once, as a crash or the kernel would."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=30)
        self.process = None

    def log(self) -> str:
        """Return everything logged since the first start."""
        return self._log.read_text() if self._log.exists() else ""

    def relay_log(self) -> str:
        """Return everything that the relay logged."""
        return (self.directory / "relay.log").read_text()

    def counts(self) -> counts.Counts:
        """Return what `make status` would read."""
        found = counts.ask(str(self.metrics_port))
        assert found is not None
        return found

    def memory_mib(self, field: str) -> float:
        """Return a field of /proc/PID/status.

        VmHWM is the most that was ever resident, the queue's mapped file included; RssAnon what
        is resident now without files, which a container's limit cannot reclaim.
        """
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            pytest.skip("memory is read from /proc: make test on Linux")
        found = re.search(rf"{field}:\s+(\d+) kB", status.read_text())
        assert found is not None
        return int(found[1]) / 1024

    def send(self, request: ExportTraceServiceRequest) -> int:
        """POST one OTLP request in protobuf and return the status."""
        return self.post(request.SerializeToString(), "application/x-protobuf")

    def post(self, body: bytes, content_type: str) -> int:
        """POST one OTLP request and return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=30)
        try:
            connection.request("POST", "/v1/traces", body, {"Content-Type": content_type})
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running(
    binary: Path,
    directory: Path,
    endpoint: str,
    keys: Mapping[str, str] = KEYS,
    *,
    overlay: str | None = None,
) -> Iterator[Collector]:
    """Run a Collector for a block."""
    collector = Collector(binary, directory, endpoint, keys, overlay=overlay)
    try:
        collector.start()
        yield collector
    finally:
        collector.stop()
