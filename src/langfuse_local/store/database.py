"""Opens the SQLite file: its access rights, its durability and its format."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .codec import input_of, metadata_of, output_of
from .ids import key_of
from .numbers import number_of
from .quantile import Quantile
from .sql import script

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StoreError", "open_reader", "open_writer"]

_FORMAT = 6  # Raise it with every change of schema.sql, codec.py or the texts in compression.py.
_WAL_BYTES = 64 * 1024 * 1024  # to which SQLite shortens its log after a large request
_WAIT_SECONDS = 10  # for another process that is writing to the same file


class StoreError(RuntimeError):
    """The file cannot be used; the message is a sentence that says what to do."""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for writing, created on first use; raises StoreError.

    It holds what users typed, so it is readable by its owner alone, as is a folder created for it.
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
    connection.create_function("input_of", 3, input_of, deterministic=True)
    connection.create_function("output_of", 3, output_of, deterministic=True)
    connection.create_function("metadata_of", 4, metadata_of, deterministic=True)
    connection.create_function("key_of", 1, _key_of, deterministic=True)
    connection.create_function("number_of", 1, number_of, deterministic=True)
    connection.create_aggregate("quantile", 2, Quantile)  # type: ignore[arg-type]  # typeshed: one int
    connection.execute("PRAGMA query_only = ON")
    return connection


def _key_of(text: str | None) -> bytes | str | None:
    return None if text is None else key_of(text)


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
        _create_or_check(connection, path)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    for sql in script("corrections"):
        connection.execute(sql)


def _create_or_check(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == _FORMAT:
        return
    if version != 0:
        raise StoreError(
            f"{path} has format {version}, and this version of the project reads format {_FORMAT}"
            " alone. Move the file away, or set LANGFUSE_LOCAL_DATA_DIR to another folder."
        )
    for sql in script("schema"):
        connection.execute(sql)
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _unusable(path: Path, error: Exception) -> str:
    return (
        f"The database {path} cannot be used: {error}. Move the file away if it is damaged, make"
        " its folder writable, or set LANGFUSE_LOCAL_DATA_DIR to another folder."
    )
