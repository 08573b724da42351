"""Checks of sent JSON that fail as Langfuse's do: with one issue in the words of zod."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from langfuse_local.api.issues import (
    UNDEFINED,
    Path,
    custom,
    mistyped,
    too_big,
    too_small,
    undiscriminated,
)
from langfuse_local.mapping.javascript import Value, refuse_constant, replace_surrogates
from langfuse_local.responses import InvalidDataError, InvalidRequestError
from langfuse_local.timestamps import from_iso, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Path",
    "amount",
    "array",
    "boolean",
    "custom",
    "date",
    "document",
    "member",
    "moment",
    "number",
    "one_of",
    "optional_text",
    "query_document",
    "record",
    "sized_text",
    "text",
    "undiscriminated",
    "whole",
]

# A calendar date, a time and a zone; zod names its pattern in the issue.
_DATETIME: Final = (
    r"^(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29"
    r"|\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|(?:02)-(?:0[1-9]|1\d|2[0-8])))"
    r"T(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|([+-](?:[01]\d|2[0-3]):[0-5]\d)))$"
)
_IS_DATETIME: Final = re.compile(_DATETIME, re.ASCII)
_LARGEST: Final = 2**63  # of what a database column holds; beyond it lies no sensible number


def document(value: str, path: Path) -> Any:
    """What a JSON text stands for, as it can be stored and answered.

    Half a character, which no UTF-8 can hold, is U+FFFD; a number that no double can hold is null,
    as JavaScript writes it.
    """
    try:
        content: Value = json.loads(value, parse_float=_finite, parse_constant=refuse_constant)
        return replace_surrogates(content) if "\\u" in value else content
    except (ValueError, RecursionError) as error:
        raise custom("Invalid JSON", path) from error


def query_document(value: str, name: str) -> Any:
    """What the JSON text of a query parameter stands for."""
    try:
        return document(value, (name,))
    except InvalidDataError as error:
        raise InvalidRequestError(f"Invalid JSON in {name} parameter") from error


def member(content: Mapping[str, Any], name: str) -> Any:
    """A member for the other checks; one that is not there is `undefined`."""
    return content.get(name, UNDEFINED)


def text(value: Any, path: Path) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise mistyped("string", value, path)


def sized_text(
    value: Any,
    path: Path,
    *,
    longest: int | None = None,
    words: tuple[str | None, ...] = (None,) * 2,
) -> str:
    """A string of one character or more, with other words for too short and too long if given."""
    found = text(value, path)
    if not found:
        raise too_small("string", 1, path, words[0])
    if longest is not None and len(found) > longest:
        raise too_big("string", longest, path, words[1])
    return found


def optional_text(content: Mapping[str, Any], name: str) -> str | None:
    """A string, or nothing."""
    value = content.get(name)
    return None if value is None else text(value, (name,))


def number(value: Any, path: Path) -> float:
    """A finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return value
    raise mistyped("number", value, path)


def whole(value: Any, path: Path, *, smallest: int, largest: int) -> int:
    """A whole number within bounds."""
    found = number(value, path)
    if found != int(found):
        raise InvalidDataError(
            expected="int",
            format="safeint",
            code="invalid_type",
            path=[*path],
            message="Invalid input: expected int, received number",
        )
    if found < smallest:
        raise too_small("number", smallest, path)
    if found > largest:
        raise too_big("number", largest, path)
    return int(found)


def amount(value: Any, path: Path, message: str | None = None) -> float:
    """A number that is not negative."""
    found = number(value, path)
    if found < 0:
        raise too_small("number", 0, path, message)
    return found


def boolean(value: Any, path: Path) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise mistyped("boolean", value, path)


def array(value: Any, path: Path) -> list[Any]:
    """A list."""
    if isinstance(value, list):
        return value
    raise mistyped("array", value, path)


def record(value: Any, path: Path) -> dict[str, Any]:
    """An object."""
    if isinstance(value, dict):
        return value
    raise mistyped("object", value, path)


def one_of(value: Any, options: Sequence[str], path: Path) -> str:
    """One of a few words."""
    if isinstance(value, str) and value in options:
        return value
    listed = "|".join(f'"{option}"' for option in options)
    raise InvalidDataError(
        code="invalid_value",
        values=[*options],
        path=[*path],
        message=f"Invalid option: expected one of {listed}",
    )


def moment(value: Any, path: Path) -> int:
    """A date and time with its zone, in microseconds since the epoch."""
    sent = text(value, path)
    try:
        if _IS_DATETIME.fullmatch(sent):
            return from_iso(sent)
    except (ValueError, OverflowError):
        pass  # The year 0, which Python has not.
    raise InvalidDataError(
        origin="string",
        code="invalid_format",
        format="datetime",
        pattern=f"/{_DATETIME}/",
        path=[*path],
        message="Invalid ISO datetime",
    )


def date(value: Any, path: Path) -> int:
    """A moment as JavaScript's `Date` reads it, in microseconds since the epoch.

    Milliseconds since then, or a date with or without a time; UTC unless it says otherwise.
    """
    try:
        if isinstance(value, str):
            return from_iso(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return from_iso(iso(int(value * 1000)))
    except (ValueError, OverflowError):
        pass
    raise InvalidDataError(
        expected="date",
        code="invalid_type",
        received="Invalid Date",
        path=[*path],
        message="Invalid input: expected date, received Date",
    )


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
