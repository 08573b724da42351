"""Receipts: what was sent, and where, so that whoever reads it back knows what is still missing.

A server that queues answers 200 seconds before a span can be read, and only the sender knows what
to wait for. One file holds the receipts of a week, of at most 50,000 traces, for all processes.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..shop.database import Database, StorageError, query

__all__ = ["FILE", "Receipts", "SentScore", "SentTrace"]

FILE: Final = "receipts.db"
_SUBJECT: Final = "receipts"
_MOST: Final = 50_000
_WEEK_SECONDS: Final = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SentTrace:
    """The spans that were delivered of one trace.

    `session` and `user` are what the turn meant to send, empty if that is not known; `sent` is in
    seconds since 1970.
    """

    id: str
    session: str
    user: str
    spans: int
    sent: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class SentScore:
    """A score that was taken; `content` tells a second opinion from the first."""

    id: str
    kind: str
    subject: str
    content: str
    sent: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Receipts:
    """The receipts of one backend, by its address. A file that is damaged counts as none."""

    folder: Path
    backend: str

    def add_traces(self, traces: Sequence[SentTrace]) -> None:
        """Add traces; of one that is known, the larger number of spans counts."""
        self._add("add_trace", traces)

    def add_scores(self, scores: Sequence[SentScore]) -> None:
        """Add scores; the last one of an id counts."""
        self._add("add_score", scores)

    def traces(self, *, since: float = 0) -> Sequence[SentTrace]:
        """Return what was sent since a time in seconds since 1970, the oldest first."""
        with self._usable():
            return [
                SentTrace(str(id_), str(session), str(user), int(spans), float(sent))
                for id_, session, user, spans, sent in self._rows("traces", since)
            ]
        return []

    def scores(self, *, since: float = 0) -> Sequence[SentScore]:
        """Return the scores that were sent since a time, the oldest first."""
        with self._usable():
            return [
                SentScore(str(id_), str(kind), str(subject), str(content), float(sent))
                for id_, kind, subject, content, sent in self._rows("scores", since)
            ]
        return []

    def forget(self) -> None:
        """Forget everything, of every backend."""
        self._database.path.unlink(missing_ok=True)

    def _add(self, statement: str, records: Sequence[SentTrace | SentScore]) -> None:
        if not records:
            return
        rows = [(self._address, *astuple(record)) for record in records]
        bounds = (time.time() - _WEEK_SECONDS, _MOST)
        with self._usable(), self._database.writing() as connection:
            for table in _statement("create").split(";"):
                connection.execute(table)
            connection.executemany(_statement(statement), rows)
            connection.execute(_statement("forget_traces"), bounds)
            connection.execute(_statement("forget_scores"), bounds)

    def _rows(self, statement: str, since: float) -> list[tuple[str, ...]]:
        if not self._database.path.exists():
            return []
        oldest = max(since, time.time() - _WEEK_SECONDS)
        with self._database.reading() as connection:
            return connection.execute(_statement(statement), (self._address, oldest)).fetchall()

    @property
    def _address(self) -> str:
        """The backend's host and port, with one name for this machine and without credentials."""
        parts = urlsplit(self.backend)
        host = "localhost" if parts.hostname in {"127.0.0.1", "::1"} else parts.hostname
        return f"{host}:{parts.port or ''}"

    @property
    def _database(self) -> Database:
        return Database(self.folder / FILE, is_durable=False)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Say what is wrong with the file, and go on without receipts."""
        try:
            yield
        except (StorageError, TypeError, ValueError, OverflowError) as error:
            cause = error.__cause__ or error
            print(
                f"Without receipts: {self._database.path} cannot be used ({cause});"
                " delete it, or see who else has it open.",
                file=sys.stderr,
            )


def _statement(name: str) -> str:
    return query(_SUBJECT, name, package=__package__)
