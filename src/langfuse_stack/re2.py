"""Translate the patterns of rules into RE2, the Collector's language of regular expressions.

RE2 has no look-around and no check digits: docs/collector.md lists what that costs, and a test
holds the list.
"""

import re
from collections.abc import Iterable
from typing import Final

from langfuse_otel.privacy_rules import rule as part

from .alternatives import Head, by_first_character, heads

__all__ = ["is_digits", "of_digits", "of_words"]

# Values are often JSON text. There the `n` of `\n` belongs to the escape: half an escape would be
# left behind, and text that does not parse.
_ESCAPE: Final = r"\\+(?:[bfnrt]|u[0-9a-fA-F]{4})"
_ESCAPED_CHARACTER: Final = r"\\+u[0-9a-fA-F]{4}"
_IN_ESCAPES: Final = "0123456789abcdefABCDEFnrtu"
_WORD: Final = rf"(?:{_ESCAPE}|\b|_)"
_STARTS: Final = {
    part.DIALLED: _WORD,
    part.NUMBER: _WORD,
    part.SPACED: _WORD,
    part.SIGN: rf"(?:{_ESCAPE}|\B|_)",
    part.WORD: _WORD,
}
_BOUNDARIES: Final = _STARTS | {
    part.SPACED_END: r"\b",
    part.NUMBER_END: r"\b",
    part.SIGN_END: r"\b",
    part.WORD_END: r"\b",
    part.NO_DATE: "",
    # A quotation mark that is masked would end JSON.
    part.QUOTE: "",
    part.ALONE: "",
    part.DIGITS: "",
}
_MARKS: Final = {each: chr(0xE000 + number) for number, each in enumerate(_BOUNDARIES)}
_STARTS_BY_MARK: Final = {_MARKS[each]: start for each, start in _STARTS.items()}
# What stands before digits can be kept only by a replacement that knows groups.
_BEFORE_EVERY: Final = r"(^|[^0-9A-Za-z_.,+-]|\\[bfnrt])"
_BEFORE_SOME: Final = "([_,+-])"
_CLASS: Final = re.compile(r"\[(?:\\.|[^\]\\])+\]|\\u[0-9a-f]{4}")
# Limits of tens are there against backtracking, which RE2 does not do.
_LIMIT: Final = re.compile(r"\{(\d+),(?:[3-9]\d|\d{3,})\}")
_CHARACTERS: Final = re.compile(r"\\u([0-9a-f]{4})(?:-\\u[0-9a-f]{3}([0-9a-f]))?")


def is_digits(pattern: str) -> bool:
    """Return whether a pattern is one of digits without groups."""
    return pattern.startswith((part.ALONE, part.DIGITS))


def of_digits(patterns: Iterable[str]) -> str:
    """Return patterns of digits as one, with two groups: what stands before the digits."""
    found = [head for pattern in patterns for head in heads(_marked(pattern))]
    every = by_first_character(each for head in found for each in heads(head.rest))
    some = "|".join(head.rest for head in found if head.atom == _MARKS[part.DIGITS])
    return _translated(f"{_BEFORE_EVERY}(?:{every})|{_BEFORE_SOME}(?:{some})")


def of_words(patterns: Iterable[str]) -> list[str]:
    """Return the other patterns, those that begin in the same place as one.

    Each pattern takes time for every character of a text, whether it matches or not.
    """
    begun: dict[str, list[Head]] = {}
    before, after = [], []
    for pattern in map(_marked, patterns):
        found = list(heads(pattern))
        free = [head for head in found if head.atom not in _STARTS_BY_MARK]
        for head in found:
            if head not in free:
                begun.setdefault(_STARTS_BY_MARK[head.atom], []).extend(heads(head.rest))
        if len(free) == len(found):
            before.append(_anywhere(pattern, found))
        elif free:
            # What begins with an escape is masked with it, so it goes first.
            after += [_anywhere(head.pattern, [head]) for head in free]
    places = (
        f"{start}(?:{_translated(by_first_character(found))})" for start, found in begun.items()
    )
    return [*before, "|".join(places), *after]


def _anywhere(pattern: str, found: Iterable[Head]) -> str:
    """Translate what may begin anywhere, in the middle of an escape too."""
    in_escapes = any(head.can_be(each) for head in found for each in _IN_ESCAPES)
    return (rf"(?:{_ESCAPE})?" if in_escapes else "") + _translated(pattern)


def _marked(pattern: str) -> str:
    """Put a single character in the place of each boundary, the longest first."""
    for boundary in sorted(_MARKS, key=len, reverse=True):
        pattern = pattern.replace(boundary, _MARKS[boundary])
    return pattern


def _translated(marked: str) -> str:
    translated = _CLASS.sub(_class, _LIMIT.sub(r"{\1,}", marked))
    for boundary, mark in _MARKS.items():
        translated = translated.replace(mark, _BOUNDARIES[boundary])
    return translated


def _class(match: re.Match[str]) -> str:
    """Translate a class of characters; one beyond ASCII may be an escape in JSON text."""
    found = match[0]
    if found == r"[^\W\d_]":
        return rf"(?:\p{{L}}|{_ESCAPED_CHARACTER})"
    characters = _CHARACTERS.sub(_character, found).replace(r"\w", r"\p{L}\p{N}_")
    if r"\w" in found:
        return f"(?:{characters}|{_ESCAPED_CHARACTER})"
    escapes = [
        f"{first[:3]}[{first[3]}-{last}]" if last else first
        for first, last in _CHARACTERS.findall(found)
    ]
    return rf"(?:{characters}|\\+u(?:{'|'.join(escapes)}))" if escapes else found


def _character(match: re.Match[str]) -> str:
    return re.sub(r"\\u(....)", r"\\x{\1}", match[0])
