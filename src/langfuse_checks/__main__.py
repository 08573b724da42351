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

from .api import Api, CannotLookError, NotFoundError, format_time
from .config import Settings, SettingsError, http_url, load_settings
from .drills.runner import run_drill
from .drills.table import DRILLS, drill_table
from .feedback import (
    FEEDBACK,
    Feedback,
    InvalidFeedbackError,
    check_subject,
    read_feedback,
    send_feedback,
)
from .printing import printing, refuse
from .records import Score
from .reports.survey import Survey, survey
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
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}  # seconds
_LONGEST_DAYS = 36_500
_MANY_DIGITS = 12


def _since(text: str) -> timedelta | None:
    """Read a period such as `30m`; an empty text means all of time."""
    if not text:
        return None
    number, unit = text[:-1], text[-1]
    if not (number.isascii() and number.isdecimal() and unit in _UNITS):
        refuse("SINCE should be a number with s, m, h or d, such as 30m.")
    seconds = int(number[:_MANY_DIGITS]) * _UNITS[unit]
    if len(number) > _MANY_DIGITS or seconds > _LONGEST_DAYS * _UNITS["d"]:
        refuse(f"SINCE should be at most {_LONGEST_DAYS}d; leave it out to look at everything.")
    return timedelta(seconds=seconds)


BaseUrl = Annotated[str, typer.Option(help="The backend.  [default: LANGFUSE_BASE_URL]")]
Since = Annotated[
    str, typer.Option(envvar="CHECK_SINCE", help="How far back to look, such as 30m or 7d.")
]


@app.command("verify")
def verify_command(
    session: Annotated[str, typer.Option(envvar="CHECK_SESSION")] = DEMO_SESSION,
    user: Annotated[str, typer.Option(envvar="CHECK_USER")] = DEMO_USER,
    since: Since = "",
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for spans.")] = 10,
    base_url: BaseUrl = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every promise of the chapter: 0 all hold, 1 one does not, 2 it could not look."""
    expected, period = Expected(session=session, user=user), _since(since)
    with _client(base_url) as api, _progress() as on_wait:
        verdicts = verify(api, expected, since=period, wait_seconds=wait, on_wait=on_wait)
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
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for spans.")] = 4,
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
        raise typer.Exit(run_drill(name, api, wait_seconds=wait, on_wait=on_wait, console=console))


@app.command("feedback")
def feedback_command(
    value: Annotated[str, typer.Option(envvar="CHECK_VALUE", help="up or down.")] = "",
    trace: Annotated[str, typer.Option(envvar="CHECK_TRACE")] = "",
    session: Annotated[str, typer.Option(envvar="CHECK_SESSION")] = "",
    comment: Annotated[str, typer.Option(envvar="CHECK_COMMENT")] = "",
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
        with _client() as api:
            if not cohort:
                check_subject(api, opinions[0])
            for opinion in opinions:
                send_feedback(api, opinion)
    except (InvalidFeedbackError, CannotLookError) as error:
        refuse(error)
    _confirm(opinions, api.base_url)


@app.command("users")
def users_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show what each user used, cost, was denied and thought of it."""
    users = _survey(since, base_url).users
    with printing() as console:
        console.print(user_table(users))
        answers = "\n".join(user_answers(users))
        console.print(answers, soft_wrap=True, highlight=False, markup=False)


@app.command("sessions")
def sessions_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show each session, the longest first, and why it is long."""
    sessions = _survey(since, base_url).sessions
    with printing() as console:
        console.print(session_table(sessions))
        answers = "\n".join(session_answers(sessions))
        console.print(answers, soft_wrap=True, highlight=False, markup=False)


def _survey(since: str, base_url: str) -> Survey:
    period = _since(since)
    parameters = (
        {} if period is None else {"fromStartTime": format_time(datetime.now(UTC) - period)}
    )
    try:
        with _client(base_url) as api, _progress():
            return survey(api.observations(**parameters), _all_feedback(api))
    except CannotLookError as error:
        refuse(error)


def _all_feedback(api: Api) -> list[Score]:
    try:
        return api.scores(name=FEEDBACK)
    except NotFoundError as error:
        print(f"Without feedback: {error}.", file=sys.stderr)
        return []


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


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        refuse(error)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is waited for, and erase it at the end."""
    with Console(stderr=True).status("Asking the backend") as status:
        yield lambda text: status.update(f"Waiting for spans: {text}")


if __name__ == "__main__":
    app()
