"""How a customer may spell an order's reference; apart from the orders, which need a database."""

import re
import unicodedata
from typing import Final

__all__ = ["canonical_reference", "mentioned_reference"]

_DASHES: Final = "\\-\u2010-\u2015\u2212"
_REFERENCE: Final = re.compile(rf"(?:ORDER)?[\s_#{_DASHES}]*(\d{{1,9}})")
_MENTION: Final = re.compile(rf"\bORDER[\s_#{_DASHES}]*\d{{1,9}}\b")


def canonical_reference(text: str) -> str | None:
    """Return `ORDER-924` for `order 924`, `#0924`, full-width digits and the like, else None."""
    match = _REFERENCE.fullmatch(unicodedata.normalize("NFKC", text).strip().upper())
    return f"ORDER-{int(match[1])}" if match else None


def mentioned_reference(text: str) -> str | None:
    """Return the first order reference in a sentence, in its canonical spelling, else None."""
    match = _MENTION.search(unicodedata.normalize("NFKC", text).upper())
    return canonical_reference(match[0]) if match else None
