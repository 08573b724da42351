"""Patterns sorted by first character: the same language, told sooner."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langfuse_stack.alternatives import by_first_character, heads

_CHARACTERS = st.text("abABC01-_ .")
_PATTERNS = (
    r"a|b",
    r"(?:ab?|(?-i:B|Ca))[-_]{2,3}|b?[01]{2}c|[ab]",
    r"(?:a|b(?:c|0))+|0{1,2}1|1*c",
    r"[^a]b|\w\.a|\d{2}|(?-i:A)a",
    r"\(?0[1-9]|[0-1](?:-|\.)a",
)


@pytest.mark.parametrize("pattern", _PATTERNS)
@given(text=_CHARACTERS)
def test_sorted_alternatives_match_the_same_texts(pattern: str, text: str) -> None:
    """Groups, classes, repetitions and parts in which case matters included."""
    as_it_is, by_first = (
        re.compile(each, re.IGNORECASE) for each in (pattern, by_first_character(heads(pattern)))
    )
    assert bool(as_it_is.fullmatch(text)) == bool(by_first.fullmatch(text))


@pytest.mark.parametrize(
    ("pattern", "by_first"),
    [
        (r"DE\d{20}|NL\d{2}|DK\d{16}", r"d(?:E\d{20}|K\d{16})|nL\d{2}"),
        (r"[12]a|[23]b|4a", r"[14]a|2(?:a|b)|3b"),
        (r"(?-i:SK)x|sk-", r"(?-i:S)(?-i:K)x|sk-"),
        (r"\w+@a|a", r"\w\w{0,}@a|a"),
    ],
)
def test_a_first_character_occurs_once(pattern: str, by_first: str) -> None:
    """Characters with the same rest share it; a class beyond ASCII stays as it is."""
    assert by_first_character(heads(pattern)) == by_first
