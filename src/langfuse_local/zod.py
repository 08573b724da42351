"""Checks of sent JSON that fail as Langfuse's do: with one issue in the words of zod."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from langfuse_local.answers import InvalidDataError
from langfuse_local.javascript import Value, replace_surrogates
from langfuse_local.moments import from_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Path",
    "array",
    "boolean",
    "custom",
    "document",
    "member",
    "moment",
    "number",
    "one_of",
    "optional_text",
    "record",
    "text",
    "whole",
]

Path = tuple[str | int, ...]

_UNDEFINED: Final = object()
_LARGEST: Final = 2**63  # of what a database column holds; beyond it lies no sensible number
_NAMES = (
    (bool, "boolean"),
    (str, "string"),
    (int | float, "number"),
    (list, "array"),
    (dict, "object"),
)


def document(value: str, path: Path) -> Any:
    """What a JSON text stands for; half a character, which no UTF-8 can hold, as U+FFFD."""
    try:
        content: Value = json.loads(value, parse_constant=_reject)
        return replace_surrogates(content) if "\\u" in value else content
    except (ValueError, RecursionError) as error:
        raise custom("Invalid JSON", path) from error


def member(content: Mapping[str, Any], name: str) -> Any:
    """A member for the other checks; one that is not there is `undefined`."""
    return content.get(name, _UNDEFINED)


def text(value: Any, path: Path) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise _mistyped("string", value, path)


def optional_text(content: Mapping[str, Any], name: str) -> str | None:
    """A string, or nothing."""
    value = content.get(name)
    return None if value is None else text(value, (name,))


def number(value: Any, path: Path) -> float:
    """A finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return value
    raise _mistyped("number", value, path)


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
        raise _out_of_bounds("too_small", "minimum", smallest, path)
    if found > largest:
        raise _out_of_bounds("too_big", "maximum", largest, path)
    return int(found)


def boolean(value: Any, path: Path) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise _mistyped("boolean", value, path)


def array(value: Any, path: Path) -> list[Any]:
    """A list."""
    if isinstance(value, list):
        return value
    raise _mistyped("array", value, path)


def record(value: Any, path: Path) -> dict[str, Any]:
    """An object."""
    if isinstance(value, dict):
        return value
    raise _mistyped("object", value, path)


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
    """A date and time, in microseconds since the epoch."""
    try:
        return from_iso(text(value, path))
    except (ValueError, OverflowError) as error:
        if isinstance(error, InvalidDataError):
            raise
        raise InvalidDataError(
            origin="string",
            code="invalid_format",
            format="datetime",
            path=[*path],
            message="Invalid ISO datetime",
        ) from error


def custom(message: str, path: Path) -> InvalidDataError:
    """A rule of Langfuse's own was broken."""
    return InvalidDataError(code="custom", path=[*path], message=message)


def _mistyped(expected: str, value: Any, path: Path) -> InvalidDataError:
    return InvalidDataError(
        expected=expected,
        code="invalid_type",
        path=[*path],
        message=f"Invalid input: expected {expected}, received {_name(value)}",
    )


def _out_of_bounds(code: str, bound: str, limit: int, path: Path) -> InvalidDataError:
    sign = "<" if code == "too_big" else ">"
    return InvalidDataError(
        origin="number",
        code=code,
        **{bound: limit},
        inclusive=True,
        path=[*path],
        message=f"Too {code[4:]}: expected number to be {sign}={limit}",
    )


def _name(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "undefined")


def _reject(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")
