"""The options that several commands share."""

from datetime import timedelta
from typing import Annotated

import typer

__all__ = ["WAIT_SECONDS", "BaseUrl", "Since", "Wait", "read_since"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_since(text: str) -> timedelta | None:
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
Wait = Annotated[
    float,
    typer.Option(
        min=0, max=600, envvar="CHECK_WAIT", help="Seconds to wait for what was sent lately."
    ),
]
WAIT_SECONDS = 30.0
