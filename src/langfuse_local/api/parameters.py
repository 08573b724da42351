"""Query parameters that several endpoints share: limits, options and opaque cursors."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from langfuse_local.api import zod
from langfuse_local.responses import InvalidDataError, InvalidRequestError
from langfuse_local.store.numbers import number_of

__all__ = ["cursor", "limit_of", "opened"]


def limit_of(text: str | None, *, default: int, largest: int) -> int:
    """A whole number within bounds, the default if there is none; raises InvalidDataError."""
    if not text:
        return default
    number = number_of(text)
    if number is None or not math.isfinite(number):
        raise InvalidDataError(
            expected="number",
            code="invalid_type",
            received="NaN",
            path=["limit"],
            message="Invalid input: expected number, received NaN",
        )
    return zod.whole(number, ("limit",), smallest=0, largest=largest)


def cursor(content: dict[str, Any]) -> str:
    """The opaque text that stands for a place in a list."""
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def opened(text: str) -> dict[str, Any]:
    """What a cursor holds; raises InvalidRequestError."""
    try:
        content = json.loads(base64.b64decode(text))
        # Half a character raises, too: no database takes one.
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid cursor format") from error
    if not isinstance(content, dict):
        raise InvalidRequestError("Invalid cursor format")
    return content
