"""Query parameters that several endpoints share: limits, options and opaque cursors."""

from __future__ import annotations

import base64
import json
from typing import Any

from langfuse_local.answers import InvalidDataError, InvalidRequestError

__all__ = ["cursor", "limit_of", "opened"]


def limit_of(text: str | None, *, default: int, largest: int, name: str = "limit") -> int:
    """A limit from 0 up to the largest; raises InvalidDataError."""
    if not text:
        return default
    if not text.isascii() or not text.isdecimal():
        raise InvalidDataError(
            expected="number",
            code="invalid_type",
            received="NaN",
            path=[name],
            message="Invalid input: expected number, received NaN",
        )
    if len(text) > len(str(largest)) or int(text) > largest:
        raise InvalidDataError(
            origin="number",
            code="too_big",
            maximum=largest,
            inclusive=True,
            path=[name],
            message=f"Too big: expected number to be <={largest}",
        )
    return int(text)


def cursor(content: dict[str, Any]) -> str:
    """The opaque text that stands for a place in a list."""
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def opened(text: str) -> dict[str, Any]:
    """What a cursor holds; raises InvalidRequestError."""
    try:
        content = json.loads(base64.b64decode(text))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid cursor format") from error
    if not isinstance(content, dict):
        raise InvalidRequestError("Invalid cursor format")
    return content
