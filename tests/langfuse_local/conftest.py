"""A backend on free ports with its data in the test's own folder."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from wire import Backend

from langfuse_local.config import Settings
from langfuse_local.ports import listen
from langfuse_local.server import build
from langfuse_local.store.store import Store

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import uvicorn


@pytest.fixture(autouse=True)
def _source_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test starts find the project, which is not installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))


def _serve(server: uvicorn.Server, sockets: Sequence[socket.socket], store: Store) -> None:
    with closing(store):
        server.run([*sockets])
    for listener in sockets:
        listener.close()


@contextmanager
def _running(data_dir: Path, *, until_over: bool = True) -> Iterator[Backend]:
    """Run a backend over the folder in a thread, on ports that the system picks."""
    web, otlp = listen(0, "WEB"), listen(0, "OTLP")
    store = Store(data_dir / "langfuse.db")
    server = build(store, Settings.model_construct(), web, otlp)
    thread = threading.Thread(target=_serve, args=(server, [*web, *otlp], store))
    thread.start()
    try:
        yield Backend(
            f"http://127.0.0.1:{web[0].getsockname()[1]}",
            f"http://127.0.0.1:{otlp[0].getsockname()[1]}/v1/traces",
            store,
        )
    finally:
        server.should_exit = True
        if until_over:
            thread.join()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """A backend without data, which comes to its end while the next test runs."""
    with _running(tmp_path, until_over=False) as started:
        yield started


@pytest.fixture(scope="session")
def running() -> Callable[[Path], AbstractContextManager[Backend]]:
    """Runs a backend over a folder for as long as its context is open."""
    return _running
