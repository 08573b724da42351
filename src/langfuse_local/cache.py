"""Answers that are remembered, where the same few short texts are asked about again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST", "BoundedCache"]

# Texts come from outside: long ones would fill the memory, and hardly ever come twice.
LONGEST: Final = 200
_MOST: Final = 4096
_OBJECT: Final = 50  # bytes that a text takes besides its characters
_K = TypeVar("_K", str, tuple[str, ...])
_T = TypeVar("_T")


class BoundedCache(dict[_K, _T], Generic[_K, _T]):
    """What a function answers, by the text or texts it was asked about: `known[text]`.

    A dictionary, since a function around a cache would cost as much as most answers.
    """

    def __init__(
        self, function: Callable[[_K], _T], *, longest: int = LONGEST, most: int = _MOST
    ) -> None:
        super().__init__()
        self._function: Callable[[_K], _T] = function
        self._longest = longest
        self._most = most

    def __missing__(self, asked: _K) -> _T:
        """Ask, and remember what is short; the rest is forgotten when there is too much."""
        answer = self._function(asked)
        if _size(asked) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[asked] = answer
        return answer


def _size(asked: str | tuple[str, ...]) -> int:
    if isinstance(asked, str):
        return len(asked)
    return sum(map(len, asked)) + _OBJECT * len(asked)
