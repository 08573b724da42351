"""Query parameters that several endpoints share: limits, options and opaque cursors."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from langfuse_local.answers import InvalidDataError, InvalidRequestError
from langfuse_local.api import zod
from langfuse_local.api.issues import too_small
from langfuse_local.store.numbers import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import QueryParams

__all__ = ["Page", "cursor", "limit_of", "opened"]

_T = TypeVar("_T")
_LAST_PAGE: Final = 10**6


def limit_of(
    text: str | None, *, default: int, largest: int, smallest: int = 0, name: str = "limit"
) -> int:
    """A whole number within bounds, the default if there is none; raises InvalidDataError."""
    if not text:
        return default
    number = number_of(text)
    if number is None or not math.isfinite(number):
        raise InvalidDataError(
            expected="number",
            code="invalid_type",
            received="NaN",
            path=[name],
            message="Invalid input: expected number, received NaN",
        )
    return zod.whole(number, (name,), smallest=smallest, largest=largest)


@dataclass(frozen=True, slots=True)
class Page:
    """A numbered page of a list."""

    number: int
    limit: int

    @classmethod
    def of(cls, parameters: QueryParams) -> Self:
        """Read `page` and `limit`; raises InvalidDataError."""
        page = parameters.get("page")
        number = limit_of(page, default=1, largest=_LAST_PAGE, name="page")
        if not number:
            raise too_small("number", 0, ("page",), inclusive=False)
        limit = limit_of(parameters.get("limit"), default=50, largest=100, smallest=1)
        return cls(number, limit)

    def cut(self, whole: Sequence[_T]) -> Sequence[_T]:
        """What is on the page."""
        start = (self.number - 1) * self.limit
        return whole[start : start + self.limit]

    def meta(self, total: int) -> dict[str, int]:
        """Where in the list the page is."""
        pages = -(-total // self.limit)
        return {
            "page": self.number,
            "limit": self.limit,
            "totalItems": total,
            "totalPages": pages,
        }


def cursor(content: dict[str, Any]) -> str:
    """The opaque text that stands for a place in a list."""
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def opened(text: str) -> dict[str, Any]:
    """What a cursor holds; raises InvalidRequestError."""
    try:
        content = json.loads(base64.b64decode(text))
        # Half a character raises, too: no database takes one.
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("Invalid cursor format") from error
    if not isinstance(content, dict):
        raise InvalidRequestError("Invalid cursor format")
    return content
