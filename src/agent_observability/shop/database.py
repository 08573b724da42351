"""SQLite files that only their owner may read, with errors that say what to do.

Each use opens its own connection, so any thread or process may call, and nothing is held open.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

__all__ = ["Database", "StorageError", "query"]

_STATEMENT: Final = re.compile(r"-- name: (\w+)\n(.*?)(?=\n-- name: |\Z)", re.DOTALL)
_REMEDIES: Final = {
    "SQLITE_BUSY": "is locked by another program; close that and ask again",
    "SQLITE_LOCKED": "is locked by another program; close that and ask again",
    "SQLITE_CORRUPT": "is damaged; move it away to keep it, or let `make reset` delete it",
    "SQLITE_NOTADB": "is damaged; move it away to keep it, or let `make reset` delete it",
    "SQLITE_FULL": "cannot grow because the disk is full; free some space and ask again",
    "SQLITE_READONLY": "cannot be written; check the permissions of its directory",
}


class StorageError(Exception):
    """A database cannot be used; the message is one sentence that says what to do."""


@cache
def query(subject: str, name: str, package: str = __package__) -> str:
    """Return what follows `-- name: <name>` in `queries/<subject>.sql` of a package."""
    text = resources.files(package).joinpath("queries", f"{subject}.sql").read_text()
    statements: dict[str, str] = dict(_STATEMENT.findall(text))
    return statements[name]


@dataclass(frozen=True, slots=True)
class Database:
    """One SQLite file, made with mode 0600 when it is first used.

    Attributes:
        is_durable: Whether a write survives a power failure; it waits for the disk if so.
    """

    path: Path
    lock_timeout_seconds: float = 5.0
    is_durable: bool = True

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection in autocommit mode, and close it.

        Raises:
            StorageError: The file is locked, damaged or out of reach.
        """
        try:
            with closing(self._connect()) as connection:
                if not self.is_durable:
                    connection.execute("PRAGMA synchronous = OFF")
                yield connection
        except sqlite3.Error as error:
            raise StorageError(self._sentence(error)) from error
        except OSError as error:
            raise StorageError(
                f"The database {self.path} cannot be opened ({type(error).__name__});"
                " check AGENT_DATA_DIR and its permissions."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that no other writer interleaves; all of it is kept, or nothing.

        Raises:
            StorageError: As for `reading()`.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def create(self, *subjects: str) -> None:
        """Make the tables of the subjects, all of them or none."""
        with self.writing() as connection:
            for subject in subjects:
                for statement in query(subject, "create").split(";"):
                    connection.execute(statement)

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite would create it readable by everyone.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        return sqlite3.connect(self.path, timeout=self.lock_timeout_seconds, isolation_level=None)

    def _sentence(self, error: sqlite3.Error) -> str:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        remedy = _REMEDIES.get("_".join(name.split("_")[:2]), f"cannot be used ({name})")
        return f"The database {self.path} {remedy}."
