"""Caches the results of functions that are called with the same few short texts again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_KEY_LENGTH", "BoundedCache"]

# Texts come from outside: long ones would fill the memory, and hardly ever repeat.
MAX_KEY_LENGTH: Final = 200
_MAX_ENTRIES: Final = 4096
_OBJECT_BYTES: Final = 50  # that a text takes besides its characters
_K = TypeVar("_K", str, tuple[str, ...])
_T = TypeVar("_T")


class BoundedCache(dict[_K, _T], Generic[_K, _T]):
    """The results of a function of one text, or of a tuple of texts: `cache[key]` calls it once.

    A dictionary, since a function around a cache would cost as much as most of these calls.
    """

    def __init__(
        self,
        function: Callable[[_K], _T],
        *,
        max_key_length: int = MAX_KEY_LENGTH,
        max_entries: int = _MAX_ENTRIES,
    ) -> None:
        super().__init__()
        self._function: Callable[[_K], _T] = function
        self._max_key_length = max_key_length
        self._max_entries = max_entries

    def __missing__(self, key: _K) -> _T:
        """Call the function, and keep the result of a short key; a full cache is emptied first."""
        result = self._function(key)
        if _length(key) <= self._max_key_length:
            if len(self) >= self._max_entries:
                self.clear()
            self[key] = result
        return result


def _length(key: str | tuple[str, ...]) -> int:
    if isinstance(key, str):
        return len(key)
    return sum(map(len, key)) + _OBJECT_BYTES * len(key)
