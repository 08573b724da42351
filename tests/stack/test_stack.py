"""The stack as a reader runs it: `make up`, everything after it, and what the engine was told.

The engine, Compose, docker-compose.yml, the Collector and the commands are real; the images are
small stand-ins. docs/collector.md lists what they cannot show. The tests of this folder are one
story and run in their order.
"""

import os
import signal
import stat
import time

import pytest
from stack_checkout import TURN, Checkout, wait_until

pytestmark = pytest.mark.stack

SERVICES = {
    *("otel-collector", "relay", "langfuse-web", "langfuse-worker"),
    *("clickhouse", "minio", "postgres", "redis"),
}
READ_ONLY = {"otel-collector", "relay", "postgres", "redis"}


def test_up_ends_when_all_is_healthy_and_a_span_went_through(checkout: Checkout) -> None:
    """What it waits for, the login, what to do next; secrets are written and not shown."""
    printed = checkout.make("up")
    assert "Added to .env: LANGFUSE_PUBLIC_KEY" in printed
    assert "  waiting for " in printed
    assert printed.endswith("Next      make demo\n")
    assert stat.S_IMODE((checkout.folder / ".env").stat().st_mode) == 0o600
    assert checkout.secret("POSTGRES_PASSWORD") not in printed
    for service in SERVICES:
        assert checkout.inspect(service)["State"]["Health"]["Status"] == "healthy", service


def test_a_second_up_is_quick(checkout: Checkout) -> None:
    """What runs is left alone."""
    before = checkout.inspect("langfuse-web")["Id"]
    started = time.monotonic()
    checkout.make("up")
    assert time.monotonic() - started < 30
    assert checkout.inspect("langfuse-web")["Id"] == before


def test_the_chapter_holds(checkout: Checkout) -> None:
    """Two turns, one session, every promise kept."""
    for _ in range(2):
        assert "http://localhost:3000/project/" in checkout.make("demo")
    wait_until(lambda: checkout.spans() == 2 * TURN, "Two turns arrive")
    assert "broken" not in checkout.make("verify")


def test_status_shows_services_and_spans(checkout: Checkout) -> None:
    """Each service's state, and that nothing waits or was lost."""
    printed = checkout.make("status")
    assert all(service in printed for service in SERVICES)
    assert "waiting  nothing" in printed
    assert f"sent     {2 * TURN + 2} spans" in printed  # and one of each make up


def test_only_loopback_is_published(checkout: Checkout) -> None:
    """As the engine has it, whatever the file says."""
    published = {
        f"{binding['HostIp']}:{binding['HostPort']}"
        for service in SERVICES
        for bindings in checkout.inspect(service)["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }
    assert published == {f"127.0.0.1:{port}" for port in (3000, 4317, 4318, 8888, 9090)}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_is_hardened_and_bounded(checkout: Checkout, service: str) -> None:
    """As the engine runs it: no capabilities, no new privileges, limits on memory and processes."""
    host = checkout.inspect(service)["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "5m", "max-file": "2"}
    assert host["ReadonlyRootfs"] == (service in READ_ONLY)


def test_no_service_is_near_its_memory_limit(checkout: Checkout) -> None:
    """The stand-ins' own use says nothing of Langfuse; the Collector and the relay are real."""
    for service in ("otel-collector", "relay"):
        container = checkout.inspect(service)["Id"]
        used = checkout.engine.docker("stats", "--no-stream", "--format", "{{.MemPerc}}", container)
        assert float(used.rstrip("%")) < 50


def test_redis_is_the_process_that_is_stopped(checkout: Checkout) -> None:
    """It is process 1, and its password shows in no process list."""
    processes = checkout.compose("top", "redis")
    assert "redis-server" in processes
    assert checkout.secret("REDIS_AUTH") not in processes
    started = time.monotonic()
    checkout.compose("stop", "redis")
    assert time.monotonic() - started < 5
    assert checkout.inspect("redis")["State"]["ExitCode"] == 0
    checkout.compose("start", "redis")


def test_ctrl_c_ends_logs_without_an_error(checkout: Checkout) -> None:
    """It is how one stops to follow."""
    with checkout.start("logs") as process:
        time.sleep(4)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=20)
    assert "otel-collector" in printed
    assert "Error" not in printed
    assert "Traceback" not in printed


def test_down_stops_in_time_and_keeps_the_data(checkout: Checkout) -> None:
    """Nothing is waited out, and after the next up everything is there."""
    before = checkout.spans()
    started = time.monotonic()
    checkout.make("down")
    assert time.monotonic() - started < 30
    assert checkout.compose("ps", "--all", "--quiet") == ""
    assert "Nothing that was started here is running." in checkout.make("down")
    checkout.make("up")
    wait_until(lambda: checkout.spans() == before, "The spans are still there")
