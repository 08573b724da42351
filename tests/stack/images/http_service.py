"""Stand-in for a service that only has to answer: python http_service.py PORT [FOLDER].

It listens on HOSTNAME as Langfuse's worker does, else on every address. With a folder it is an
object store: PUT keeps a file there, GET returns it, and of a folder its names in their order.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = int(sys.argv[1])
FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else None
HOST = os.environ["HOSTNAME"] if PORT == 3030 else "0.0.0.0"


class Service(BaseHTTPRequestHandler):
    """One port."""

    def do_GET(self) -> None:
        """Answer with a file, the names in a folder, or nothing."""
        path = FOLDER / self.path[1:] if FOLDER else None
        if path and path.is_file():
            self._answer(path.read_bytes())
        elif path and path.is_dir():
            self._answer("\n".join(sorted(each.name for each in path.iterdir())).encode())
        else:
            self._answer(b"")

    def do_PUT(self) -> None:
        """Keep a file."""
        path = FOLDER / self.path[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer((HOST, PORT), Service).serve_forever()
