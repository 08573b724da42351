"""E-mail addresses, also percent-encoded, international, or written to fool a scanner."""

from typing import Final

from .rule import Rule

__all__ = ["EMAIL"]

EMAIL: Final = Rule(
    "[e-mail]",
    "an e-mail address",
    (
        # Bounded as addresses are: without bounds, long text costs the square of its length.
        (
            r"[\w.%+'-]{1,64}(?:[@\uff20]|%40|%EF%BC%A0|[ ]?[\[(]at[\])][ ]?)"
            r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}\.[^\W\d_]{2,63}"
        ),
    ),
)
