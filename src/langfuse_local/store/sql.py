"""SQL by name: one statement in each file of `queries/`, so that it can be read and tried alone."""

from functools import cache
from importlib.resources import files

__all__ = ["statement"]


@cache
def statement(name: str) -> str:
    """The statement in `queries/<name>.sql`."""
    return files(__package__).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
