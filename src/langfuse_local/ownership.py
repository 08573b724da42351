"""One backend at a time over one data folder.

Each keeps in memory what it has read: two of them would tear each other's rows apart.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .store.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .config import Settings

__all__ = ["owned"]

_FILE = "langfuse.lock"


@contextmanager
def owned(settings: Settings) -> Iterator[None]:
    """Own the data folder for the block; raises StoreError, which names who does already."""
    folder = settings.langfuse_local_data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be used ({error.strerror}): make it writable, or set"
            " LANGFUSE_LOCAL_DATA_DIR to another one."
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                f"The data in {folder} is in use by the backend at {file.read().strip()}: use that"
                " one, stop it with `make down`, or set LANGFUSE_LOCAL_DATA_DIR to another folder."
            ) from None
        file.truncate()
        file.write(
            f"{settings.langfuse_base_url} (spans: {settings.otel_exporter_otlp_traces_endpoint})"
        )
        file.flush()
        yield
