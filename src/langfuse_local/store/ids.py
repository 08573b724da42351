"""Ids as the file holds them: bytes where they are lower-case hex, as nearly all are, else text.

OpenTelemetry's ids are bytes. Langfuse takes whatever text a sender calls an id, and keeps it.
"""

from __future__ import annotations

__all__ = ["key_of", "text_of"]


def key_of(text: str) -> bytes | str:
    """What the columns `trace`, `span` and `parent` hold for an id; of the size of its bytes."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return text
    return key if key.hex() == text else text  # Upper case and spaces are read as hex, too.


def text_of(key: bytes | str) -> str:
    """The id that a column holds."""
    return key if isinstance(key, str) else key.hex()
