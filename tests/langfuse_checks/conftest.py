"""Fixtures of the checks' tests: a real local backend, and servers that misbehave."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from backends import KEYS, Backend, Script, Serve, running
from checkout import Run

from langfuse_checks.api import Api


@pytest.fixture(scope="module", name="backend")
def _backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running(tmp_path_factory.mktemp("backend")) as backend:
        yield backend


@pytest.fixture(scope="module", name="run")
def _run(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run modules in a folder where two turns and a conversation have run."""
    run = Run(tmp_path_factory.mktemp("checkout"), backend)
    for module in ("main", "main", "commands.conversation"):
        done = run(f"agent_observability.{module}")
        assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(name="serve")
def _serve() -> Iterator[Serve]:
    """Start servers whose answers depend on the request's path; return a client of each."""
    with _Servers() as servers:
        yield servers.start


class _Servers:
    def __enter__(self) -> "_Servers":
        self._running: list[tuple[ThreadingHTTPServer, threading.Thread, Api]] = []
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread, api in self._running:
            api.__exit__()
            server.shutdown()
            thread.join()
            server.server_close()

    def start(self, script: Script) -> Api:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        api = Api(f"http://127.0.0.1:{server.server_port}", *KEYS)
        self._running.append((server, thread, api))
        return api


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = script(self.path)
            is_text = isinstance(answer.body, str)
            body = (answer.body if is_text else json.dumps(answer.body)).encode()  # type: ignore[union-attr] # a text, as just seen
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answer.cut else body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
