"""The options that several commands share."""

from datetime import timedelta
from typing import Annotated

import typer

from .printing import refuse

__all__ = ["WAIT_SECONDS", "BaseUrl", "Since", "Wait", "read_since"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}  # seconds
_LONGEST_DAYS = 36_500
_MANY_DIGITS = 12


def read_since(text: str) -> timedelta | None:
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
Wait = Annotated[
    float,
    typer.Option(
        min=0, max=600, envvar="CHECK_WAIT", help="Seconds to wait for what was sent lately."
    ),
]
WAIT_SECONDS = 30.0
