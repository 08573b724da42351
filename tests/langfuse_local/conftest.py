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
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(autouse=True)
def _source_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test starts find the project, which is not installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))


@contextmanager
def _running(data_dir: Path) -> Iterator[Backend]:
    """Run a backend over the folder in a thread, on ports that the system picks."""
    web, otlp = listen(0, "WEB"), listen(0, "OTLP")
    with closing(Store(data_dir / "langfuse.db")) as store:
        server = build(store, Settings.model_construct(), web, otlp)
        thread = threading.Thread(target=server.run, args=([*web, *otlp],))
        thread.start()
        try:
            yield Backend(
                f"http://127.0.0.1:{web[0].getsockname()[1]}",
                f"http://127.0.0.1:{otlp[0].getsockname()[1]}/v1/traces",
                store,
            )
        finally:
            server.should_exit = True
            thread.join()
            for one in (*web, *otlp):
                one.close()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """A backend without data."""
    with _running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def running() -> Callable[[Path], AbstractContextManager[Backend]]:
    """Runs a backend over a folder for as long as its context is open."""
    return _running
