"""Checks of request data; a refusal is one sentence, in Langfuse's words where these are recorded.

`name` is what a check calls the value in its refusal, such as `filter[0].column`.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from ..mapping.javascript import Value, refuse_constant, replace_surrogates
from ..responses import InvalidDataError, InvalidRequestError
from ..timestamps import from_iso, iso

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "array",
    "boolean",
    "date",
    "moment",
    "number",
    "option",
    "optional_text",
    "parse_json",
    "record",
    "text",
    "whole_number",
]

_HAS_TIME_AND_ZONE: Final = re.compile(r"[0-9-]{10}T.+(?:Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_LARGEST: Final = 2**63  # that a database column holds
_JSON_TYPES: Final = {bool: "boolean", str: "string", list: "array", dict: "object"}


def parse_json(content: str | bytes, name: str) -> Any:
    """Read JSON so that it can be stored and answered.

    Half a character, which no UTF-8 can hold, becomes U+FFFD; a number that no double can hold
    becomes null, as JavaScript writes it.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        value: Value = json.loads(text, parse_float=_finite, parse_constant=refuse_constant)
        return replace_surrogates(value) if "\\u" in text else value
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"Invalid JSON in {name}") from error


def text(value: Any, name: str) -> str:
    """Check a string."""
    if isinstance(value, str):
        return value
    raise InvalidRequestError(f"{name} must be a string.")


def optional_text(members: Mapping[str, Any], name: str) -> str | None:
    """Check a string that may be missing or null."""
    value = members.get(name)
    return None if value is None else text(value, name)


def number(value: Any, name: str) -> float:
    """Check a finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return value
    received = "number" if type(value) in {int, float} else _JSON_TYPES.get(type(value), "null")
    raise InvalidDataError(
        expected="number",
        code="invalid_type",
        path=name.split("."),
        message=f"Invalid input: expected number, received {received}",
    )


def whole_number(value: Any, name: str, *, smallest: int, largest: int) -> int:
    """Check a whole number within bounds."""
    if number(value, name) % 1 or value < smallest:
        raise InvalidRequestError(f"{name} must be a whole number, {smallest} or more.")
    if value > largest:
        raise InvalidDataError(
            origin="number",
            code="too_big",
            maximum=largest,
            inclusive=True,
            path=name.split("."),
            message=f"Too big: expected number to be <={largest}",
        )
    return int(value)


def boolean(value: Any, name: str) -> bool:
    """Check that it is true or false."""
    if isinstance(value, bool):
        return value
    raise InvalidRequestError(f"{name} must be true or false.")


def array(value: Any, name: str) -> list[Any]:
    """Check a list."""
    if isinstance(value, list):
        return value
    raise InvalidRequestError(f"{name} must be an array.")


def record(value: Any, name: str) -> dict[str, Any]:
    """Check an object."""
    if isinstance(value, dict):
        return value
    raise InvalidRequestError(f"{name} must be an object.")


def option(value: Any, options: Collection[str], name: str) -> str:
    """Check one of a few words."""
    if isinstance(value, str) and value in options:
        return value
    raise InvalidRequestError(f"{name} must be one of {', '.join(options)}.")


def moment(value: Any, name: str) -> int:
    """Read a date and time with its zone, in microseconds since the epoch."""
    try:
        if isinstance(value, str) and _HAS_TIME_AND_ZONE.fullmatch(value):
            return from_iso(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(f"{name} must be a time with its zone, as 2026-11-20T10:00:00Z.")


def date(value: Any, name: str) -> int:
    """Read a date, with or without a time, or milliseconds, in microseconds since the epoch."""
    try:
        if isinstance(value, str):
            return from_iso(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return from_iso(iso(int(value * 1000)))
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(f"{name} must be a date, as 2026-11-20T10:00:00Z.")


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None
