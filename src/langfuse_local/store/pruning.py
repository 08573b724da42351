"""Removes the oldest traces and scores in short transactions, between which requests are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from .writer import Writer

    Read = Callable[[str], list[sqlite3.Row]]

__all__ = ["prune", "remove_unused_strings", "used_bytes"]

_ROWS_PER_STEP: Final = 500  # rows whose traces are looked at in one transaction
_END_OF_TIME: Final = 2**63 - 1
_REMOVED_SHARE: Final = 10  # Unused strings are looked for once a tenth of the rows is gone.


def prune(writer: Writer, read: Read, *, before: int | None, max_bytes: int | None) -> int:
    """Remove the oldest traces and scores; see `Store.prune`."""
    removed = removed_at_last_look = 0
    for count in _steps(writer, read, before, max_bytes):
        removed += count
        # Before the next step, which would remove more for the room that these strings take.
        if (removed - removed_at_last_look) * _REMOVED_SHARE > _row_count(read):
            remove_unused_strings(writer, read)
            removed_at_last_look = removed
    return removed


def _steps(writer: Writer, read: Read, before: int | None, max_bytes: int | None) -> Iterator[int]:
    """How many rows each transaction removed; those that remove scores alone do not count."""
    while before is not None and (removed := writer.remove(before, _ROWS_PER_STEP)):
        yield removed
    while before is not None and writer.remove_scores(before, _ROWS_PER_STEP):
        pass
    while max_bytes is not None and (surplus := _surplus(read, max_bytes)):
        yield writer.remove(_END_OF_TIME, min(surplus, _ROWS_PER_STEP))


def _surplus(read: Read, max_bytes: int) -> int:
    """How many rows of average size are too many."""
    used, rows = used_bytes(read), _row_count(read)
    return min(rows, max(1, rows * (used - max_bytes) // used)) if used > max_bytes else 0


def _row_count(read: Read) -> int:
    return int(read("SELECT count(*) FROM spans")[0][0])


def used_bytes(read: Read) -> int:
    """Bytes of the file that hold data: SQLite uses freed pages again and does not return them."""
    pages, free, size = (
        read(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def remove_unused_strings(writer: Writer, read: Read) -> None:
    """Remove strings that no row uses; requests may use them again while they are looked up."""
    writer.run(writer.strings.record_use)
    known = {row[0] for row in read("SELECT id FROM strings")}
    unused = known - {row[0] for row in read(statement("strings_in_use"))}
    writer.run(lambda: writer.strings.remove(unused))
