"""The backends that the checks' tests talk to, as values."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import build_opener

from langfuse_checks.api import Api

RECORDED = Path(__file__).parents[1] / "langfuse_local" / "contract"
KEYS = ("pk-lf-demo", "sk-lf-demo")


@dataclass(frozen=True)
class Backend:
    """A running local backend."""

    web: str
    otlp: str

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
