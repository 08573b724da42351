"""What is wrong with sent JSON, as one issue in the words of zod."""

from __future__ import annotations

from typing import Any, Final, Literal

from langfuse_local.responses import InvalidDataError

__all__ = ["UNDEFINED", "Path", "custom", "mistyped", "too_big", "too_small", "undiscriminated"]

Path = tuple[str | int, ...]
Origin = Literal["number", "string"]

UNDEFINED: Final = object()
_NAMES: Final = (
    (bool, "boolean"),
    (str, "string"),
    (int | float, "number"),
    (list, "array"),
    (dict, "object"),
)
_SIZES: Final = {"number": "to be {0}", "string": "to have {0} characters"}


def custom(message: str, path: Path) -> InvalidDataError:
    """A rule of Langfuse's own was broken."""
    return InvalidDataError(code="custom", path=[*path], message=message)


def undiscriminated(member: str, path: Path) -> InvalidDataError:
    """A member says that the value is of a kind which there is not."""
    return InvalidDataError(
        code="invalid_union",
        errors=[],
        note="No matching discriminator",
        discriminator=member,
        path=[*path, member],
        message="Invalid input",
    )


def mistyped(expected: str, value: Any, path: Path) -> InvalidDataError:
    """A value is of another type."""
    return InvalidDataError(
        expected=expected,
        code="invalid_type",
        path=[*path],
        message=f"Invalid input: expected {expected}, received {_name(value)}",
    )


def too_small(
    origin: Origin, limit: int, path: Path, message: str | None = None, *, inclusive: bool = True
) -> InvalidDataError:
    """A number lies below its bound, or a text is too short."""
    size = _SIZES[origin].format(f">{'=' if inclusive else ''}{limit}")
    return InvalidDataError(
        origin=origin,
        code="too_small",
        minimum=limit,
        inclusive=inclusive,
        path=[*path],
        message=message or f"Too small: expected {origin} {size}",
    )


def too_big(origin: Origin, limit: int, path: Path, message: str | None = None) -> InvalidDataError:
    """A number lies above its bound, or a text is too long."""
    size = _SIZES[origin].format(f"<={limit}")
    return InvalidDataError(
        origin=origin,
        code="too_big",
        maximum=limit,
        inclusive=True,
        path=[*path],
        message=message or f"Too big: expected {origin} {size}",
    )


def _name(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "undefined")
