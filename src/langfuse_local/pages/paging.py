"""Divides a list into pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PAGE_LIMIT", "PAGE_SIZE", "Page"]

PAGE_SIZE: Final = 50
PAGE_LIMIT: Final = PAGE_SIZE + 1  # A row more than is shown tells that there is an older page.
_MAX_NUMBER: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, numbered from 0."""

    number: int

    @classmethod
    def of(cls, request: Request) -> Page:
        """The page that the request's parameter `page` names; the first one for any other text."""
        text = request.query_params.get("page", "")
        return cls(min(int(text), _MAX_NUMBER) if text.isascii() and text.isdecimal() else 0)

    @property
    def offset(self) -> int:
        """How many rows of the list come before the page."""
        return self.number * PAGE_SIZE

    def values(self, rows: list[Any]) -> dict[str, Any]:
        """What a template needs of the rows from `offset` on, PAGE_LIMIT of them at most."""
        return {
            "rows": rows[:PAGE_SIZE],
            "page": self.number,
            "has_older": len(rows) > PAGE_SIZE,
        }
