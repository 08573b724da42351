"""Answers that are remembered, where the same few short texts are asked about again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST", "Remembered"]

# Texts come from outside: long ones would fill the memory, and hardly ever come twice.
LONGEST: Final = 200
_MOST: Final = 4096
_T = TypeVar("_T")


class Remembered(dict[str, _T], Generic[_T]):
    """What a function answers, by the text it was asked about: `known[text]`.

    A dictionary, since a function around a cache would cost as much as most answers.
    """

    def __init__(self, function: Callable[[str], _T]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> _T:
        """Ask, and remember short texts; the rest is forgotten when there are too many."""
        answer = self._function(text)
        if len(text) <= LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[text] = answer
        return answer
