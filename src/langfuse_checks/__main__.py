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

from langfuse_checks.analysis import Survey, survey
from langfuse_checks.api import Api, CannotLookError, NotFoundError
from langfuse_checks.config import Settings, SettingsError, address, load_settings
from langfuse_checks.drill import drill, drill_table
from langfuse_checks.drills import DRILLS
from langfuse_checks.evidence import DEMO_SESSION, DEMO_USER, Expected, iso
from langfuse_checks.feedback import FEEDBACK, Feedback, InvalidFeedbackError, read, send
from langfuse_checks.report import as_json, exit_code, show, summary
from langfuse_checks.rows import Score
from langfuse_checks.tables import session_answers, session_table, user_answers, user_table
from langfuse_checks.verify import verify

app = typer.Typer(
    name="python -m langfuse_checks",
    help="Check what Langfuse, or the local backend in its place, has stored.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PIPE_WIDTH = 240
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _since(text: str) -> timedelta | None:
    """Read `30m`; nothing stands for all of time."""
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
    with _connected(base_url) as api, _waiting() as waiting:
        verdicts = verify(api, expected, since=period, wait_seconds=wait, waiting=waiting)
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
        _wide().print(drill_table())
        print("Break one thing with, for example: make drill NAME=root-only")
        return
    if name not in DRILLS:
        raise typer.BadParameter(f"There is no such drill; there are {', '.join(DRILLS)}.")
    with _connected() as api, _waiting() as waiting:
        raise typer.Exit(drill(name, api, wait_seconds=wait, waiting=waiting, console=console))


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
            given = list(read(_settings().agent_data_dir / "feedback.jsonl"))
        else:
            subject = session if session or trace else DEMO_SESSION
            given = [Feedback.of(value, trace=trace, session=subject, comment=comment)]
        with _connected() as api:
            for one in given:
                send(api, one)
    except (InvalidFeedbackError, CannotLookError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    _told(given, api.base_url)


@app.command("users")
def users_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show what each user used, cost, was denied and thought of it."""
    found = _surveyed(since, base_url)
    _wide().print(user_table(found.users))
    print(*user_answers(found.users), sep="\n")


@app.command("sessions")
def sessions_command(since: Since = "", base_url: BaseUrl = "") -> None:
    """Show each session, the longest first, and why it is long."""
    found = _surveyed(since, base_url)
    _wide().print(session_table(found.sessions))
    print(*session_answers(found.sessions), sep="\n")


def _surveyed(since: str, base_url: str) -> Survey:
    period = _since(since)
    asked = {} if period is None else {"fromStartTime": iso(datetime.now(UTC) - period)}
    try:
        with _connected(base_url) as api, _waiting():
            return survey(api.observations(**asked), _all_feedback(api))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def _all_feedback(api: Api) -> list[Score]:
    try:
        return api.scores(name=FEEDBACK)
    except NotFoundError as error:
        print(f"Without feedback: {error}.", file=sys.stderr)
        return []


def _told(given: Sequence[Feedback], base_url: str) -> None:
    if len(given) != 1:
        print(f"Sent {len(given)} scores.")
        return
    project = f"{base_url}/project/{quote(_settings().langfuse_project_id)}"
    one = given[0]
    print(f"{FEEDBACK} {one.value} on {one.kind} {one.subject}")
    print(f"{project}/{one.kind}s/{quote(one.subject, safe='')}")


def _wide() -> Console:
    """A console for a table: into a pipe or a file, as wide as the table."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


@contextmanager
def _connected(base_url: str = "") -> Iterator[Api]:
    settings = _settings()
    try:
        url = address(base_url) if base_url else settings.langfuse_base_url
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
def _waiting() -> Iterator[Callable[[str], None]]:
    """Show what is waited for, on a terminal alone, and leave nothing of it."""
    with Console(stderr=True).status("Asking the backend") as status:
        yield lambda text: status.update(f"Waiting for spans: {text}")


if __name__ == "__main__":
    app()
