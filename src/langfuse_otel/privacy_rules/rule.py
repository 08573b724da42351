"""A rule, and how its patterns begin and end.

A Collector's regular expressions (RE2) have no look-around. Patterns use these constants for it,
and no other, so that they can be translated.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "ALONE",
    "DIALLED",
    "DIGITS",
    "NO_DATE",
    "NUMBER",
    "NUMBER_END",
    "QUOTE",
    "SIGN",
    "SIGN_END",
    "SPACED",
    "SPACED_END",
    "WORD",
    "WORD_END",
    "Rule",
]

WORD: Final = r"(?<![^\W_])"
"""Begins where a word does; an underscore separates words, as in `usr_...`."""
WORD_END: Final = r"(?![^\W_])"
SIGN: Final = WORD + r"(?<![.+])"
"""Begins a number with a sign."""
SIGN_END: Final = r"(?!\w)"
NUMBER: Final = WORD + r"(?<!\d[.,-])"
"""Begins a number, not in the middle of one."""
NUMBER_END: Final = r"(?!\w|[-:]\w|\.\d)"
DIALLED: Final = NUMBER + r"(?<![^\W_][.-])"
"""Begins a number that is no part of an id: hyphens after letters join one, as in INV-0123."""
SPACED: Final = WORD + r"(?<!\d[ .,/-])"
"""Begins a number of groups that would be common if more digits stood beside them."""
SPACED_END: Final = NUMBER_END + r"(?! ?\d)"
DIGITS: Final = NUMBER + r"(?<!\.)"
"""Begins digits without groups, not those of a fraction."""
ALONE: Final = r"(?<![\w.,+-])"
"""Begins digits without groups that are no part of an id either."""
NO_DATE: Final = r"(?!(?:19|20)\d\d[01]\d[0-3]\d(?!\d))"
QUOTE: Final = r"[\"']?"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of text.

    Attributes:
        mask: What stands in a text in place of a match, such as "[card]".
        name: What a match is, with its article: "a card number".
        patterns: Regular expressions, matched in either case. Their repetitions are bounded
            where something has to follow, so that a search is linear in the length of the text.
        is_real: Tells a match from a look-alike, where a pattern cannot: a check digit.
        contains: What every match contains, in lower case; empty if that cannot be said.
    """

    mask: str
    name: str
    patterns: tuple[str, ...]
    is_real: Callable[[re.Match[str]], bool] | None = None
    contains: str = ""
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_regex", re.compile("|".join(self.patterns), re.IGNORECASE))

    def occurs_in(self, text: str) -> bool:
        """Return whether a match is somewhere in `text`."""
        return next(self._matches(text), None) is not None

    def masked(self, text: str) -> str:
        """Return `text` with the mask in place of each match."""
        parts, end = [], 0
        for match in self._matches(text):
            parts += [text[end : match.start()], self.mask]
            end = match.end()
        return "".join((*parts, text[end:]))

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        start = 0
        while match := self._regex.search(text, start):
            is_real = self.is_real is None or self.is_real(match)
            # A real one may begin within a look-alike.
            start = match.end() if is_real else match.start() + 1
            if is_real:
                yield match
