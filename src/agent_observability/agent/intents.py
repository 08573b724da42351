"""What a question is about, by the words in it: deterministic, offline and free of charge."""

import re
from collections.abc import Mapping
from typing import Final

from .state import Intent

__all__ = ["intent_of"]

_WORDS: Final[Mapping[Intent, str]] = {
    "human": (
        r"\b(human|person|colleague|representative|operator|manager)\b"
        r"|\b(speak|talk|chat)\b.*\b(agent|people|someone|somebody)\b"
    ),
    "refund": r"\b(refund\w*|return|money back|reimburse\w*)\b",
    "delay": r"\b(why|late|later|delay\w*|overdue|taking so long)\b",
    "status": r"\b(where|when|status|track\w*|arriv\w*|deliver\w*|shipped|parcel|order)\b",
}


def intent_of(question: str) -> Intent:
    """Return the first kind that the question has a word of, else `other`."""
    for intent, words in _WORDS.items():
        if re.search(words, question, re.IGNORECASE):
            return intent
    return "other"
