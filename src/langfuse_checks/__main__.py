"""The commands: verify, drill, feedback, users and sessions.

Make passes its variables through the environment, as CHECK_SESSION and so on: a value never
becomes part of a shell line.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console

from .api import Api, CannotLookError
from .arrival import LOST_AFTER_SECONDS, Arrival, Missing, Receipts, Sent
from .config import Settings, SettingsError, http_url, load_settings
from .drills.runner import run_drill
from .drills.table import DRILLS, drill_table
from .feedback import (
    FEEDBACK,
    Feedback,
    InvalidFeedbackError,
    await_feedback,
    check_subject,
    read_feedback,
    send_feedback,
)
from .options import WAIT_SECONDS, BaseUrl, Since, Wait, read_since
from .patience import Patience
from .printing import printing, refuse
from .reports.fetch import fetch_spans, fetch_survey
from .reports.survey import Survey
from .reports.tables import session_answers, session_table, user_answers, user_table
from .verify.evidence import DEMO_SESSION, DEMO_USER, Expected
from .verify.report import as_json, exit_code, show, summary
from .verify.verification import verify

app = typer.Typer(
    name="python -m langfuse_checks",
    help="Check what Langfuse, or the local backend in its place, has stored.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_INTERRUPTED = 130


@app.command("verify")
def verify_command(
    session: Annotated[str, typer.Option(envvar="CHECK_SESSION")] = DEMO_SESSION,
    user: Annotated[str, typer.Option(envvar="CHECK_USER")] = DEMO_USER,
    since: Since = "",
    wait: Wait = WAIT_SECONDS,
    base_url: BaseUrl = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every promise of the chapter: 0 all hold, 1 one does not, 2 it could not look."""
    expected, period = Expected(session=session, user=user), read_since(since)
    with _client(base_url) as api, _progress() as on_wait:
        verdicts = verify(
            api,
            expected,
            receipts=_receipts(api),
            since=period,
            wait_seconds=wait,
            on_wait=on_wait,
        )
    if json:
        print(as_json(verdicts, expected, api.base_url))
    else:
        with printing() as console:
            heading = f"session  {session}\nuser     {user}\n"
            console.print(heading, soft_wrap=True, highlight=False, markup=False)
            show(verdicts, console)
            console.print(f"\n{summary(verdicts)}", soft_wrap=True, highlight=False)
    raise typer.Exit(exit_code(verdicts))


@app.command("drill")
def drill_command(
    name: Annotated[str, typer.Argument(envvar="CHECK_DRILL")] = "",
    wait: Wait = WAIT_SECONDS,
) -> None:
    """List the drills, or break one thing and show what turns red: 0 if it is what it should be."""
    console = Console()
    if not name:
        with printing() as wide:
            wide.print(drill_table())
            wide.print("Break one thing with, for example: make drill NAME=root-only")
        return
    if name not in DRILLS:
        refuse(f"There is no drill of that NAME; there are {', '.join(DRILLS)}.")
    with _client() as api, _progress() as on_wait:
        code = run_drill(
            name,
            api,
            receipts=_receipts(api),
            wait_seconds=wait,
            on_wait=on_wait,
            console=console,
        )
    raise typer.Exit(code)


@app.command("feedback")
def feedback_command(
    value: Annotated[str, typer.Option(envvar="CHECK_VALUE", help="up or down.")] = "",
    trace: Annotated[str, typer.Option(envvar="CHECK_TRACE")] = "",
    session: Annotated[str, typer.Option(envvar="CHECK_SESSION")] = "",
    comment: Annotated[str, typer.Option(envvar="CHECK_COMMENT")] = "",
    wait: Wait = WAIT_SECONDS,
    *,
    cohort: Annotated[bool, typer.Option("--cohort", help="Send what make cohort left.")] = False,
) -> None:
    """Score a trace or a session, by default the demo's; a second opinion replaces the first."""
    try:
        if cohort:
            opinions = list(read_feedback(_settings().agent_data_dir / "feedback.jsonl"))
        else:
            subject = session if session or trace else DEMO_SESSION
            opinions = [Feedback.of(value, trace=trace, session=subject, comment=comment)]
        with _client() as api, _progress() as on_wait:
            if not cohort:
                check_subject(api, opinions[0], _receipts(api))
            missing = _send(api, opinions, Patience(wait, on_wait))
    except (InvalidFeedbackError, CannotLookError) as error:
        refuse(error)
    _confirm(opinions, api.base_url)
    _end(Arrival(scores=missing, is_known=True))


@app.command("users")
def users_command(since: Since = "", wait: Wait = WAIT_SECONDS, base_url: BaseUrl = "") -> None:
    """Show what each user used, cost, was denied and thought of it."""
    survey, arrival = _survey(since, wait, base_url)
    with printing() as console:
        console.print(user_table(survey.users))
        answers = "\n".join(user_answers(survey.users))
        console.print(answers, soft_wrap=True, highlight=False, markup=False)
    _end(arrival)


@app.command("sessions")
def sessions_command(since: Since = "", wait: Wait = WAIT_SECONDS, base_url: BaseUrl = "") -> None:
    """Show each session, the longest first, and why it is long."""
    survey, arrival = _survey(since, wait, base_url)
    with printing() as console:
        console.print(session_table(survey.sessions))
        answers = "\n".join(session_answers(survey.sessions))
        console.print(answers, soft_wrap=True, highlight=False, markup=False)
    _end(arrival)


@app.command("arrival")
def arrival_command(wait: Wait = WAIT_SECONDS) -> None:
    """Wait until what was sent in the last minutes can be read, so that the links to it open."""
    lately = timedelta(seconds=LOST_AFTER_SECONDS)
    with _client() as api, _progress() as on_wait:
        sent = Sent.since(_receipts(api), lately)
        if not sent.traces:
            return
        try:
            start = datetime.now(UTC) - lately
            _, missing = fetch_spans(api, start, sent, Patience(wait, on_wait))
        except CannotLookError as error:
            print(f"Whether the links open yet cannot be seen. {error}", file=sys.stderr)
            return
    _end(Arrival(missing, is_known=True))


def _survey(since: str, wait: float, base_url: str) -> tuple[Survey, Arrival]:
    period = read_since(since)
    try:
        with _client(base_url) as api, _progress() as on_wait:
            sent = Sent.since(_receipts(api), period)
            return fetch_survey(api, since=period, sent=sent, wait_seconds=wait, on_wait=on_wait)
    except CannotLookError as error:
        refuse(error)


def _send(api: Api, opinions: Sequence[Feedback], patience: Patience) -> Missing:
    sent = []
    try:
        for opinion in opinions:
            sent.append(send_feedback(api, opinion))  # noqa: PERF401 - some, if one fails
    finally:
        _receipts(api).add_scores(sent)
    return await_feedback(api, sent, patience) if sent else Missing("score")


def _end(arrival: Arrival) -> None:
    """Say what is missing of what was just printed, and end with 2 for that."""
    if not arrival.is_known:
        print("No receipt says what was sent: more may be on its way.", file=sys.stderr)
    if str(arrival):
        print(f"\nNot all of it: {arrival}")
        raise typer.Exit(2)


def _confirm(opinions: Sequence[Feedback], base_url: str) -> None:
    if len(opinions) != 1:
        print(f"Sent {len(opinions)} scores.")
        return
    project = f"{base_url}/project/{quote(_settings().langfuse_project_id)}"
    opinion = opinions[0]
    print(f"{FEEDBACK} {opinion.value} on {opinion.kind} {opinion.subject}")
    print(f"{project}/{opinion.kind}s/{quote(opinion.subject, safe='')}")


@contextmanager
def _client(base_url: str = "") -> Iterator[Api]:
    settings = _settings()
    try:
        url = http_url(base_url) if base_url else settings.langfuse_base_url
    except ValueError as error:
        raise typer.BadParameter(f"--base-url {error}.") from None
    secret = settings.langfuse_secret_key.get_secret_value()
    with Api(url, settings.langfuse_public_key, secret) as api:
        yield api


def _receipts(api: Api) -> Receipts:
    return Receipts(_settings().agent_data_dir, api.base_url)


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        refuse(error)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is waited for, and erase it at the end."""
    with Console(stderr=True).status("Asking the backend") as status:
        yield lambda text: status.update(f"Waiting: {text}")


if __name__ == "__main__":
    try:
        app()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # Typer leaves it at the code.
            print("Interrupted.", file=sys.stderr)
        raise
