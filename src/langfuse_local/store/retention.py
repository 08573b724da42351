"""How long and how much is kept: old traces and scores go in the background, while others come."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from .database import StoreError
from .sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..config import Settings
    from .store import Store
    from .writer import Writer

__all__ = ["Retention", "prune"]

_log = logging.getLogger(__name__)
_SECONDS: Final = 10
_DAY: Final = 24 * 60 * 60 * 1_000_000
_STEP: Final = 500  # rows whose traces are looked at in one transaction
_EVER: Final = 2**63 - 1
_NOTEWORTHY: Final = 10  # Texts are looked through once a tenth of the rows has gone.


class Retention:
    """Prunes a store every few seconds while its context is open, if a setting asks for it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._days = settings.langfuse_local_max_age_days
        self._megabytes = settings.langfuse_local_max_megabytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_pruning, name="retention")

    def __enter__(self) -> Self:
        """Start, unless everything is kept for ever."""
        if self._days or self._megabytes:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the step under way."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep_pruning(self) -> None:
        while not self._over.wait(_SECONDS):
            try:
                self._store.prune(
                    before=int(time.time_ns() // 1000 - self._days * _DAY) if self._days else None,
                    max_bytes=int(self._megabytes * 1024**2) if self._megabytes else None,
                )
            except (sqlite3.Error, StoreError) as error:
                _log.error("Old traces could not be removed: %s", error)


def prune(
    writer: Writer,
    read: Callable[[str], list[sqlite3.Row]],
    *,
    before: int | None,
    max_bytes: int | None,
) -> int:
    """Remove the oldest traces and scores in short transactions; see `Store.prune`."""
    removed = noted = 0
    for gone in _steps(writer, read, before, max_bytes):
        removed += gone
        # Before the next step, which would remove more for the room that these texts take.
        if (removed - noted) * _NOTEWORTHY > _rows(read):
            _remove_texts(writer, read)
            noted = removed
    return removed


def _steps(
    writer: Writer,
    read: Callable[[str], list[sqlite3.Row]],
    before: int | None,
    max_bytes: int | None,
) -> Iterator[int]:
    """How many rows each transaction removed; those that remove scores alone count for nothing."""
    while before is not None and (gone := writer.remove(before, _STEP)):
        yield gone
    while before is not None and writer.remove_scores(before, _STEP):
        pass
    while max_bytes is not None and (rows := _surplus(read, max_bytes)):
        yield writer.remove(_EVER, min(rows, _STEP))


def _surplus(read: Callable[[str], list[sqlite3.Row]], max_bytes: int) -> int:
    """How many rows of average size are too many."""
    used, rows = _used(read), _rows(read)
    return min(rows, max(1, rows * (used - max_bytes) // used)) if used > max_bytes else 0


def _rows(read: Callable[[str], list[sqlite3.Row]]) -> int:
    return int(read("SELECT count(*) FROM spans")[0][0])


def _used(read: Callable[[str], list[sqlite3.Row]]) -> int:
    """Bytes of the file that hold data; what was freed is used again, and not given back."""
    pages, free, size = (
        read(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _remove_texts(writer: Writer, read: Callable[[str], list[sqlite3.Row]]) -> None:
    """Remove texts that no row uses; looked up without holding up requests that use them again."""
    writer.run(writer.strings.watch)
    known = {row[0] for row in read("SELECT id FROM strings")}
    unused = known - {row[0] for row in read(statement("strings_in_use"))}
    writer.run(lambda: writer.strings.remove(unused))
