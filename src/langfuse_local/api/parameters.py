"""Query parameters that several endpoints share: limits and opaque cursors."""

from __future__ import annotations

import base64
import json
from typing import Any

from ..responses import InvalidRequestError
from ..store.numbers import number_of
from .validation import whole_number

__all__ = ["decode_cursor", "encode_cursor", "limit_of"]


def limit_of(text: str | None, *, default: int, largest: int) -> int:
    """Read `limit`, the default if there is none; raises InvalidDataError, InvalidRequestError."""
    if not text:
        return default
    limit = number_of(text)
    return whole_number(text if limit is None else limit, "limit", smallest=0, largest=largest)


def encode_cursor(position: dict[str, Any]) -> str:
    """Write a position in a list as opaque text."""
    return base64.b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def decode_cursor(text: str) -> dict[str, Any]:
    """Read the position in a cursor; raises InvalidRequestError."""
    try:
        position = json.loads(base64.b64decode(text))
        # Half a character raises, too: no database takes one.
        json.dumps(position, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid cursor format") from error
    if not isinstance(position, dict):
        raise InvalidRequestError("Invalid cursor format")
    return position
