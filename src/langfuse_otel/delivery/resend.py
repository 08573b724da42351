"""Sends what a spool holds; a file leaves it when the endpoint has everything that is in it."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import requests

from .batch import Batch
from .report import NO_ANSWER, rejection
from .spool import Spool, spans_in
from .transport import WatchedSession
from .worker import Worker

__all__ = ["resend"]

_POLL_SECONDS = 0.02


def resend(
    spool: Spool,
    *,
    endpoint: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, int, str]:
    """Send what the spool holds; several of them at a time send each file once.

    Args:
        spool: Where the files are.
        endpoint: Where they go.
        timeout_seconds: How long one file may take. After one without an answer, none is sent.
        headers: What each request carries besides, such as credentials.

    Returns:
        Spans sent, spans left, and why the first file that is left was not taken.
    """
    sent, cause = 0, spool.problem().rstrip(".")
    sender = _Sender(endpoint, timeout_seconds, headers or {})
    for path in spool.batches():
        try:
            batch = _send(path, sender)
        except OSError as error:
            cause = cause or f"{path.name} cannot be read ({type(error).__name__})"
            continue
        if batch.problem:
            cause = cause or batch.problem
            if not batch.status or batch.is_abandoned:
                break
        else:
            sent += batch.size
    sender.stop()
    return sent, sum(map(spans_in, spool.batches())), cause


def _send(path: Path, sender: "_Sender") -> Batch:
    """Send a file, and remove it when it was taken; an empty batch if another was faster."""
    with _locked(path) as file:
        if file is None:
            return Batch(0)
        batch = sender.send(file.read(), spans_in(path))
        if not batch.problem:
            path.unlink(missing_ok=True)
        return batch


class _Sender:
    def __init__(self, endpoint: str, timeout_seconds: float, headers: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._timeout = timeout_seconds
        self._session = WatchedSession(endpoint)
        self._session.headers.update({"Content-Type": "application/json", **headers})
        self._worker = Worker()

    def send(self, data: bytes, spans: int) -> Batch:
        batch = self._session.batch = Batch(spans, time.monotonic() + self._timeout)
        done = self._worker.do(partial(self._post, data, batch))
        while not done.wait(_POLL_SECONDS):
            if batch.is_over:
                seen = batch.abandon()
                self._session.abort()
                seen.problem = seen.problem or NO_ANSWER
                return seen
        return batch

    def stop(self) -> None:
        self._worker.stop()
        self._session.close()

    def _post(self, data: bytes, batch: Batch) -> None:
        try:
            self._session.post(
                self._endpoint, data=data, timeout=self._timeout, allow_redirects=False
            )
            if batch.rejected:
                batch.problem = rejection(batch.rejected)
        except requests.RequestException:
            batch.problem = batch.problem or NO_ANSWER


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO | None]:
    """Open a file when nobody else is sending it; None if it has been sent, or is gone."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file if os.fstat(file.fileno()).st_nlink else None
