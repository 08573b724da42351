"""SQL by name: the files of `queries/` hold one subject each, with a name above each statement."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["named_statements", "script", "statement"]

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_INCLUDE = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=1000)  # Of the parts there are many combinations.
def statement(name: str, **parts: str) -> str:
    """The statement of this name, with what it includes; raises LookupError if there is none.

    In braces it names a part that is given, else another statement.
    """
    statements = _statements()
    if name not in statements:
        raise LookupError(f"No SQL statement is named {name!r}. There are {sorted(statements)}.")
    return _INCLUDE.sub(
        lambda match: parts.get(match[1]) or statement(match[1], **parts), statements[name]
    )


def script(name: str) -> list[str]:
    """The statements of this name, which blank lines separate."""
    return re.split(r";\n\n+", statement(name))


def named_statements(texts: Iterable[str]) -> dict[str, str]:
    """The statements in the texts of files; raises ValueError if two have the same name."""
    statements: dict[str, str] = {}
    for text in texts:
        _, *parts = _NAME.split(text)
        for name, sql in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"Two SQL statements are named {name!r}: rename one of them.")
            statements[name] = sql.strip().removesuffix(";")
    return statements


@cache
def _statements() -> dict[str, str]:
    folder = files(__package__) / "queries"
    return named_statements(file.read_text(encoding="utf-8") for file in folder.iterdir())
