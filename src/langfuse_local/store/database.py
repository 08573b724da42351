"""The SQLite file: who may read it, how durable it is, and what version it has."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .codec import input_of, metadata_of, output_of
from .histogram import Histogram
from .numbers import number_of
from .quantile import Quantile
from .sql import statement

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StoreError", "open_reader", "open_writer"]

# What each version of the format added, in order: an older file gets what it lacks.
_SCHEMA = {
    1: ("strings", "spans", "by_id", "by_start", "by_session", "by_user"),
    2: ("scores", "scores_by_time", "scores_by_session", "scores_by_trace"),
    3: (
        "sessions",
        "sessions_by_end",
        "users",
        "users_by_end",
        "traces",
        "traces_by_start",
        "fill_sessions",
        "fill_users",
        "fill_traces",
    ),
    4: ("keys",),
}
_VERSION = max(_SCHEMA)
_STALE = ("stale_sessions", "stale_users", "stale_traces", "stale_on_update", "stale_on_delete")
_WAL_BYTES = 64 * 1024 * 1024  # what is kept of a log that a large request made longer
_WAIT_SECONDS = 10  # for another process that is writing to the same file


class StoreError(RuntimeError):
    """The file cannot be used; the message is a sentence that says what to do."""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for writing, made on first use; raises StoreError.

    It holds what users typed, so the file is readable by its owner alone, and the folder too when
    it has to be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(_unusable(path, error)) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(_unusable(path, error)) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading; raises sqlite3.Error."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    connection.row_factory = sqlite3.Row
    connection.create_function("input_of", 1, input_of, deterministic=True)
    connection.create_function("output_of", 1, output_of, deterministic=True)
    connection.create_function("metadata_of", 4, metadata_of, deterministic=True)
    connection.create_function("number_of", 1, number_of, deterministic=True)
    connection.create_aggregate("quantile", 2, Quantile)  # type: ignore[arg-type]  # typeshed: one int
    connection.create_aggregate("histogram", 2, Histogram)  # type: ignore[arg-type]  # as above
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=_WAIT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        uri=isinstance(path, str),
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # A 200 promises that the spans are on disk. NORMAL keeps that promise when the process dies,
    # but in WAL mode it may lose the last commits with the machine's power; FULL syncs each one.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(connection, path)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    for name in _STALE:
        connection.execute(statement(name))


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise StoreError(
            f"{path} was written by a newer version of this project (format {version}, this one"
            f" reads {_VERSION}). Get the newer checkout, or set LANGFUSE_LOCAL_DATA_DIR to another"
            " folder."
        )
    if version == _VERSION:
        return
    for part in (part for added, parts in _SCHEMA.items() if added > version for part in parts):
        connection.execute(statement(f"schema_{part}"))
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _unusable(path: Path, error: Exception) -> str:
    return (
        f"The database {path} cannot be used: {error}. Move the file away if it is damaged, make"
        " its folder writable, or set LANGFUSE_LOCAL_DATA_DIR to another folder."
    )
