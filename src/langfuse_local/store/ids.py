"""Ids in the file: bytes if they are lower-case hex, as nearly all are, else text.

OpenTelemetry's ids are bytes. Langfuse accepts any text as an id, and keeps it.
"""

from __future__ import annotations

__all__ = ["key_of", "text_of"]


def key_of(text: str) -> bytes | str:
    """The value of an id in the columns `trace`, `span` and `parent`, which is short."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return text
    return key if key.hex() == text else text  # Upper case and spaces are read as hex, too.


def text_of(key: bytes | str) -> str:
    """The id that a column holds."""
    return key if isinstance(key, str) else key.hex()
