"""`verify` as a reader runs it, over a real backend that holds real turns."""

import json
import re

import pytest
from backends import Backend
from checkout import Run
from typer.testing import CliRunner

from langfuse_checks.__main__ import app
from langfuse_checks.verify.evidence import DEMO_SESSION, DEMO_USER

GREEN = f"""\
session  {DEMO_SESSION}
user     {DEMO_USER}

ok    the backend answers                               URL
ok    it is healthy
ok    it is Langfuse v4 or newer                        the local backend, as Langfuse 4.16.0
ok    it accepts the keys                               project order-status-demo
ok    all that was sent can be read                     all 26 spans
ok    the session holds two traces or more              2 traces
ok    each trace has one root named order-status-turn   2/2
ok    no span of a turn lies outside its trace          0 stray spans
ok    every observation carries the session             26/26
ok    every observation carries the user                26/26
ok    every observation carries the trace name          26/26
ok    every observation carries one version             26/26
ok    every observation carries the tags                26/26
ok    every observation carries the environment         26/26
ok    every observation carries the bounded metadata    26/26
ok    no trace id is used as a session id               0 of 31 observations
ok    all cost is attributed to the listed user         $0.000142
ok    usage is on generations only                      2 observations have it
ok    every cost is known, or said to be unknown        2 of 2 calls
ok    metadata values are of the bounded sets           78 values
ok    nothing private is in a propagated value          0 of 732 values
?     feedback is readable on the session               nobody has given any: make feedback VALUE=up

22 promises: 21 kept, 1 unchecked (nothing to look at yet).
"""


def test_verify_is_green_and_reads_like_this(run: Run, backend: Backend) -> None:
    """Exit 0 after two turns; the output is the same each time but for the address."""
    done = run("langfuse_checks", "verify")
    assert done.stdout.replace(backend.web, "URL") == GREEN
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_the_conversation_is_green(run: Run, backend: Backend) -> None:
    """Three turns of a session of its own, a handoff among them."""
    with backend.api() as api:
        sessions = {row.session_id for row in api.observations(userId=DEMO_USER)} - {DEMO_SESSION}
    (session,) = (s for s in sessions if not s.startswith("conv_drill"))
    done = run("langfuse_checks", "verify", "--session", session)
    assert done.returncode == 0, done.stdout
    assert "3 traces" in done.stdout


def test_verify_as_json(run: Run) -> None:
    """One object with every promise, its status, its first span, and the exit code."""
    done = run("langfuse_checks", "verify", "--json", "--user", "usr_other", "--wait", "0")
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode == 1
    assert (report["session"], report["user"]) == (DEMO_SESSION, "usr_other")
    by_id = {promise["id"]: promise for promise in report["promises"]}
    assert len(by_id) == 22
    assert by_id["carries_user"]["status"] == "broken"
    assert by_id["carries_user"]["span"]["trace_id"]
    assert by_id["carries_session"]["status"] == "kept"


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "words"),
    [
        (["--session", "nope", "--wait", "0"], {}, 1, "nothing ran"),
        (["--since", "1h"], {}, 0, "21 kept"),
        (["--since", "0s", "--wait", "0"], {}, 1, "before what SINCE asks for"),
        (["--since", "soon"], {}, 2, "SINCE should be a number with s, m, h or d"),
        (["--since", "99999999d"], {}, 2, "SINCE should be at most 36500d"),
        (["--since", "9" * 5000 + "s"], {}, 2, "SINCE should be at most 36500d"),
        (["--base-url", "ftp://x"], {}, 2, "should be an address"),
        (["--base-url", "http://127.0.0.1:9"], {}, 2, "Nothing answers at http://127.0.0.1:9"),
        ([], {"LANGFUSE_SECRET_KEY": "wrong"}, 2, "does not accept the keys"),
        ([], {"LANGFUSE_BASE_URL": "nowhere"}, 2, "LANGFUSE_BASE_URL should be an address"),
        ([], {"CHECK_SESSION": "`touch ran`", "CHECK_SINCE": ""}, 1, "nothing ran"),
        ([], {"HTTP_PROXY": "http://127.0.0.1:9"}, 0, "21 kept"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_exit_codes(
    run: Run, arguments: list[str], changes: dict[str, str], code: int, words: str
) -> None:
    """0, 1 and 2, with one sentence and never a traceback."""
    wait = [] if "--wait" in arguments else ["--wait", "1"]
    environment = {
        "LANGFUSE_BASE_URL": run.backend.web,
        "AGENT_DATA_DIR": str(run.folder / ".data"),
        **changes,
    }
    done = CliRunner().invoke(app, ["verify", *arguments, *wait], env=environment)
    output = " ".join(re.sub(r"[│╭╰─╮╯]", " ", done.output).split())
    assert done.exit_code == code, output
    assert words in output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_backend_that_is_away_is_told_once(run: Run) -> None:
    """One line for it, with the fix, and one for all the promises that wait for it."""
    done = run("langfuse_checks", "verify", "--base-url", "http://127.0.0.1:9")
    lines = done.stdout.splitlines()[3:]
    assert done.returncode == 2
    assert lines[0] == "FAIL  the backend answers"
    assert "Nothing answers at http://127.0.0.1:9" in lines[1]
    assert lines[3].startswith("?     21 more promises ")
    assert lines[5:] == ["22 promises: 0 kept, 1 broken, 21 unchecked."]
