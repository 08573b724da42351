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
from .feedback import FEEDBACK, Feedback, InvalidFeedbackError, read_feedback, send_feedback
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
_INTERRUPTED = 130
_PIPE_WIDTH = 240
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _since(text: str) -> timedelta | None:
    """Read a period such as `30m`; an empty text means all of time."""
    if not text:
        return None
    number, unit = text[:-1], text[-1]
    if not (number.isascii() and number.isdecimal() and unit in _UNITS and len(number) < 6):  # noqa: PLR2004 - 99,999 days are 273 years
        raise typer.BadParameter("should be a number with s, m, h or d, such as 30m.")
    return timedelta(**{_UNITS[unit]: int(number)})


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
        console = Console()
        console.print(f"session  {session}\nuser     {user}\n", soft_wrap=True, highlight=False)
        show(verdicts, console)
        print(f"\n{summary(verdicts)}")
    raise typer.Exit(exit_code(verdicts))


@app.command("drill")
def drill_command(
    name: Annotated[str, typer.Argument(envvar="CHECK_DRILL")] = "",
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for spans.")] = 4,
) -> None:
    """List the drills, or break one thing and show what turns red: 0 if it is what it should be."""
    console = Console()
    if not name:
        _table_console().print(drill_table())
        print("Break one thing with, for example: make drill NAME=root-only")
        return
    if name not in DRILLS:
        raise typer.BadParameter(f"There is no such drill; there are {', '.join(DRILLS)}.")
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
            for opinion in opinions:
                send_feedback(api, opinion)
    except (InvalidFeedbackError, CannotLookError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    _confirm(opinions, api.base_url)


@app.command("users")
def users_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show what each user used, cost, was denied and thought of it."""
    users = _survey(since, base_url).users
    _table_console().print(user_table(users))
    print(*user_answers(users), sep="\n")


@app.command("sessions")
def sessions_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show each session, the longest first, and why it is long."""
    sessions = _survey(since, base_url).sessions
    _table_console().print(session_table(sessions))
    print(*session_answers(sessions), sep="\n")


def _survey(since: str, base_url: str) -> Survey:
    period = _since(since)
    parameters = (
        {} if period is None else {"fromStartTime": format_time(datetime.now(UTC) - period)}
    )
    try:
        with _client(base_url) as api, _progress():
            return survey(api.observations(**parameters), _all_feedback(api))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


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


def _table_console() -> Console:
    """Return a console for a table; in a pipe or a file it is as wide as the table."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


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
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is waited for, and erase it at the end."""
    with Console(stderr=True).status("Asking the backend") as status:
        yield lambda text: status.update(f"Waiting for spans: {text}")


if __name__ == "__main__":
    try:
        app()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # Typer leaves it at the code.
            print("Interrupted.", file=sys.stderr)
        raise
