"""The backends that the checks' tests talk to, as values."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import build_opener

from langfuse_checks.api import Api
from langfuse_local.config import Settings
from langfuse_local.ports import listen
from langfuse_local.server import build, open_store

RECORDED = Path(__file__).parents[1] / "langfuse_local" / "contract"
KEYS = ("pk-lf-demo", "sk-lf-demo")


@dataclass(frozen=True)
class Backend:
    """A running local backend."""

    web: str
    otlp: str
    database: Path

    def api(self) -> Api:
        """Return a client with the demo's keys."""
        return Api(self.web, *KEYS)

    def page(self, path: str) -> str:
        """Return the HTML of a page of the demo's project."""
        url = f"{self.web}/project/order-status-demo/{path}"
        with build_opener().open(url, timeout=10) as answer:
            html: str = answer.read().decode()
        return html


@dataclass(frozen=True)
class Answer:
    """The answer of a scripted server; a string is sent as it is, anything else as JSON.

    With `cut` the server closes the connection before the whole body is out.
    """

    body: object
    status: int = 200
    content_type: str = "application/json"
    cut: bool = False


Script = Callable[[str], Answer]
Serve = Callable[[Script], Api]


@contextmanager
def running(folder: Path, **settings: float) -> Iterator[Backend]:
    """Run a local backend with its data in the folder, and these settings of it."""
    chosen = Settings.model_construct(langfuse_local_data_dir=folder, **settings)  # type: ignore[arg-type] # numbers
    web, otlp = listen(0, "WEB"), listen(0, "OTLP")
    with closing(open_store(chosen)) as store:
        server = build(store, chosen, web, otlp)
        thread = threading.Thread(target=server.run, args=([*web, *otlp],))
        thread.start()
        try:
            yield Backend(_url(web), f"{_url(otlp)}/v1/traces", chosen.database)
        finally:
            server.should_exit = True
            thread.join()
            for listener in (*web, *otlp):
                listener.close()


def _url(sockets: Sequence[object]) -> str:
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}"  # type: ignore[attr-defined] # sockets
