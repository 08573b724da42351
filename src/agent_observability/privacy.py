"""What must not be readable in a trace, and how it is masked in recorded content."""

import re
from typing import Final

__all__ = ["mask"]

_PATTERNS: Final = (
    ("[e-mail]", re.compile(r"[\w.%+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")),
    ("[order]", re.compile(r"\bORDER[-_ #]*\d+\b", re.IGNORECASE)),
    ("[token]", re.compile(r"\b(?:bearer|basic)\s+[\w.~+/=-]{12,}", re.IGNORECASE)),
    ("[token]", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    (
        "[token]",
        re.compile(r"\b(?:sk|pk|rk)-[\w-]{16,}|\bgh[pousr]_\w{20,}|\bA(?:KIA|SIA)[0-9A-Z]{16}\b"),
    ),
)


def mask(text: str) -> str:
    """Replace e-mail addresses, order references and tokens by what they were."""
    for replacement, pattern in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
