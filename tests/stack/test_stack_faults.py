"""Everything that goes wrong with the stack: nothing is lost, and each is said in a sentence."""

import os
import signal
import subprocess
import sys
import time

import pytest
from stack_checkout import TURN, Checkout, wait_until

pytestmark = pytest.mark.stack

ACCEPTED = 'otelcol_receiver_accepted_spans{receiver="otlp",'
SENT = 'otelcol_exporter_sent_spans{exporter="otlp_http/send",'


@pytest.fixture(scope="module", autouse=True)
def _up(checkout: Checkout) -> None:
    checkout.make("up")


def test_the_native_collector_does_not_start_beside_it(checkout: Checkout) -> None:
    """They share their ports."""
    assert "The stack of make up runs" in checkout.make("demo", "COLLECTOR=native", fails=True)


def test_spans_outlive_langfuse_and_a_crash_of_the_collector(checkout: Checkout) -> None:
    """Web stopped, a turn queued, the Collector killed: all arrive."""
    before = checkout.spans()
    checkout.compose("stop", "langfuse-web")
    assert "nothing answers at http://localhost:3000" in checkout.make("demo", fails=True)
    assert f"{TURN} delivered" in checkout.turn()
    checkout.compose("kill", "otel-collector")
    checkout.make("up")
    wait_until(lambda: checkout.spans() == before + TURN, "The queued turn arrives")


def test_a_store_that_is_away_for_two_minutes_costs_nothing(checkout: Checkout) -> None:
    """Langfuse answers 500 while the object store is gone; every span of a cohort arrives."""
    accepted, sent = checkout.collected(ACCEPTED), checkout.collected(SENT)
    checkout.compose("kill", "minio")
    checkout.make("cohort", "USERS=10")
    cohort = checkout.collected(ACCEPTED) - accepted
    assert cohort > TURN
    time.sleep(120)
    assert "401 is a wrong key in .env, 500 a store that is away" in checkout.make("status")
    assert checkout.collected(SENT) == sent
    checkout.compose("start", "minio")
    wait_until(lambda: checkout.collected(SENT) == sent + cohort, "All of it is taken", seconds=90)
    printed = checkout.make("status")
    assert "waiting  nothing" in printed
    assert "dropped  0 spans" in printed


def test_what_was_given_up_can_be_sent_again(checkout: Checkout) -> None:
    """Not taken for as long as .env says: counted, moved out of the volume, and sent once more."""
    before = checkout.spans()
    checkout.change("OTELCOL_GIVE_UP_AFTER", "3s")
    checkout.make("up")
    checkout.compose("kill", "minio")
    checkout.turn()
    wait_until(
        lambda: f"aside    {TURN} spans" in checkout.make("status"),
        "It is given up",
        seconds=90,
    )
    checkout.change("OTELCOL_GIVE_UP_AFTER", "24h")
    checkout.make("up")
    printed = checkout.make("resend")
    assert f"{TURN} spans that the Collector gave up on are in the spool now." in printed
    assert f"{TURN} spans sent to" in printed
    assert "gave up" not in checkout.make("resend")
    wait_until(lambda: checkout.spans() == before + TURN, "The turn arrives")


def test_a_poison_batch_blocks_nobody(checkout: Checkout) -> None:
    """What Langfuse answers 500 for ever is offered again; a turn behind it arrives."""
    before = checkout.spans()
    checkout.send("poison")
    checkout.make("demo")
    wait_until(lambda: checkout.spans() == before + TURN, "The turn behind it arrives")
    assert "waiting  nothing" not in checkout.make("status")


def test_a_changed_password_stops_the_start_with_the_log(checkout: Checkout) -> None:
    """Langfuse ends again and again: said at once, with PostgreSQL's reason."""
    before = checkout.change("POSTGRES_PASSWORD", "0123456789abcdef")
    started = time.monotonic()
    printed = checkout.make("up", fails=True)
    assert time.monotonic() - started < 120
    assert "password authentication failed" in printed
    assert "langfuse-web restarts again and again" in printed
    checkout.change("POSTGRES_PASSWORD", before)
    checkout.make("up")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LANGFUSE_SECRET_KEY", "sk-lf-another", "Langfuse does not know the keys in .env"),
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-another", "Langfuse does not know the keys in .env"),
        ("ENCRYPTION_KEY", "short", "ENCRYPTION_KEY in .env must be 64 hexadecimal digits"),
    ],
)
def test_a_changed_key_is_a_sentence(
    checkout: Checkout, name: str, value: str, sentence: str
) -> None:
    """What is wrong and what to do; restored, it starts."""
    before = checkout.change(name, value)
    assert sentence in checkout.make("up", fails=True)
    checkout.change(name, before)
    checkout.make("up")


def test_a_changed_project_is_a_sentence(checkout: Checkout) -> None:
    """Spans would go to one project and links to another."""
    checkout.change("LANGFUSE_PROJECT_ID", "another")
    assert "LANGFUSE_PROJECT_ID is another" in checkout.make("up", fails=True)
    checkout.change("LANGFUSE_PROJECT_ID", "order-status-demo")
    checkout.make("up")


def test_volumes_are_kept_unless_somebody_says_yes(checkout: Checkout) -> None:
    """Without a terminal nothing is removed, and nothing stops."""
    assert "Nothing was removed" in checkout.make("down", "VOLUMES=1")
    assert checkout.inspect("langfuse-web")["State"]["Running"]


def test_an_engine_that_is_away_is_no_proof_that_nothing_runs(checkout: Checkout) -> None:
    """`make down` fails instead of saying that it is done."""
    away = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = checkout.engine.run("make", "down", cwd=checkout.folder, extra=away)
    assert done.returncode != 0
    assert "The Docker engine does not answer" in done.stdout


@pytest.mark.parametrize(("host", "port"), [("::1", 3000), ("127.0.0.1", 8888), ("::1", 4318)])
def test_a_taken_port_is_a_sentence(checkout: Checkout, host: str, port: int) -> None:
    """On either loopback address, before anything starts."""
    checkout.make("down")
    family = "AF_INET6" if ":" in host else "AF_INET"
    code = f"import socket,time\ns=socket.create_server(({host!r},{port}),family=socket.{family})\n"
    command = checkout.engine.inside(
        sys.executable, "-c", f"{code}print(1,flush=True)\ntime.sleep(99)"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        printed = checkout.make("up", fails=True)
        holder.terminate()
    assert f"Port {port} is taken" in printed
    assert checkout.compose("ps", "--all", "--quiet") == ""


def test_ctrl_c_in_up_says_what_goes_on(checkout: Checkout) -> None:
    """No traceback; the next up waits again."""
    with checkout.start("up") as process:
        time.sleep(6)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert "Traceback" not in printed
    assert "make up goes on with it, make down stops it" in printed
    checkout.make("up")


def test_volumes_are_removed_when_somebody_says_yes(checkout: Checkout) -> None:
    """The data is gone, and the keys of a changed .env are taken over."""
    checkout.make("down", "VOLUMES=1", stdin="y\n")
    assert checkout.engine.docker("volume", "ls", "--quiet") == ""
    checkout.change("LANGFUSE_SECRET_KEY", "sk-lf-another")
    checkout.make("up")
    assert checkout.spans() == 0
    checkout.make("down")
