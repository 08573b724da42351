"""Keeps the store within the age and the size that the settings allow, in the background."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from .database import StoreError

if TYPE_CHECKING:
    from ..config import Settings
    from .store import Store

__all__ = ["Retention"]

_log = logging.getLogger(__name__)
_SECONDS: Final = 10
_DAY: Final = 24 * 60 * 60 * 1_000_000


class Retention:
    """Prunes a store every few seconds while its context is open, if a setting asks for it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._days = settings.langfuse_local_max_age_days
        self._megabytes = settings.langfuse_local_max_megabytes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_pruning, name="retention")

    def __enter__(self) -> Self:
        """Start, unless everything is kept for ever."""
        if self._days or self._megabytes:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the step under way."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep_pruning(self) -> None:
        while not self._stopping.wait(_SECONDS):
            try:
                self._store.prune(
                    before=int(time.time_ns() // 1000 - self._days * _DAY) if self._days else None,
                    max_bytes=int(self._megabytes * 1024**2) if self._megabytes else None,
                )
            except (sqlite3.Error, StoreError) as error:
                _log.error("Old traces could not be removed: %s", error)
