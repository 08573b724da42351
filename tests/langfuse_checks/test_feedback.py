"""`feedback` as a reader runs it: a score on what a real backend holds, or a refusal."""

from html import unescape
from unittest.mock import Mock

import pytest
from backends import Backend
from checkout import Run
from typer.testing import CliRunner

from langfuse_checks.__main__ import app
from langfuse_checks.api import Api
from langfuse_checks.feedback import Feedback, send_feedback
from langfuse_checks.verify.evidence import DEMO_SESSION, DEMO_USER
from support.privacy_corpus import MASKED


def test_feedback_given_twice_is_one_score(run: Run, backend: Backend) -> None:
    """The second opinion replaces the first, with its comment as it was typed."""
    with backend.api() as api:
        row = api.some_observations(1, sessionId=DEMO_SESSION, isRootObservation="true")[0]
        for value in ("up", "down"):
            comment = f"`touch ran` $(touch ran) \"{value}\" 'é'"
            done = run(
                "langfuse_checks", "feedback", CHECK_VALUE=value, CHECK_TRACE=row.trace_id,
                CHECK_COMMENT=comment,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        (score,) = api.scores(traceId=row.trace_id)
        assert (score.name, score.value, score.comment) == ("user-feedback", 0, comment)
        assert f"/traces/{row.trace_id}" in done.stdout
    for page in (f"sessions/{DEMO_SESSION}", f"users/{DEMO_USER}", f"traces/{row.trace_id}"):
        shown = unescape(backend.page(page))
        assert shown.count("user-feedback") == 1, page
        assert comment in shown, page


@pytest.mark.parametrize(("kind", "text"), MASKED)
def test_comments_are_masked(kind: str, text: str) -> None:
    """What must not be readable in a trace is not readable in a comment on it either."""
    api = Mock(spec=Api)
    send_feedback(api, Feedback(1, "trace", "a" * 32, f"It is {text} there."))
    (body,) = api.post_score.call_args.args
    assert f"[{kind}]" in body["comment"]
    assert text not in body["comment"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "VALUE should be up or down"),
        ({"CHECK_VALUE": "5"}, "VALUE should be up or down"),
        ({"CHECK_VALUE": "up", "CHECK_TRACE": "x"}, "TRACE should be 32 hex digits"),
        ({"CHECK_VALUE": "up", "CHECK_TRACE": "a" * 32, "CHECK_SESSION": "s"}, "not both"),
        ({"CHECK_VALUE": "up", "CHECK_COMMENT": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_bad_feedback_is_refused(variables: dict[str, str], words: str) -> None:
    """Exit 2 and a sentence, before anything is sent."""
    done = CliRunner().invoke(app, ["feedback"], env=variables)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.parametrize("variable", [{"CHECK_SESSION": "nope"}, {"CHECK_TRACE": "a" * 32}])
def test_feedback_on_nothing_is_not_sent(
    run: Run, backend: Backend, variable: dict[str, str]
) -> None:
    """Exit 2, and a sentence that names what was typed: such a score would be shown nowhere."""
    done = run("langfuse_checks", "feedback", CHECK_VALUE="up", **variable)
    (name, subject), (line,) = *variable.items(), done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{subject} can be read at {backend.web}, and nothing was sent" in line
    assert f"check {name.removeprefix('CHECK_')}" in line
    with backend.api() as api:
        assert not [score for score in api.scores() if score.subject == subject]
