"""Stand-in for Langfuse's web server: the local backend behind the real one's dependencies.

Like the real one it ends when PostgreSQL refuses its password, takes over the keys of its first
start, listens on HOSTNAME, keeps spans in the object store before it answers, and answers 500
while that is away. A span that holds "poison" is answered 500 whatever happens.
"""

import gzip
import http.client
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BACKEND = "http://127.0.0.1:3100"
OTLP = "/api/public/otel/v1/traces"
EVENTS = os.environ["LANGFUSE_S3_EVENT_UPLOAD_ENDPOINT"] + "/langfuse/events/"
KEYS = ("PROJECT_PUBLIC_KEY", "PROJECT_SECRET_KEY", "PROJECT_ID")


def sql(statement: str) -> str:
    """Run a statement; end as Langfuse does when the database refuses."""
    command = ["psql", os.environ["DATABASE_URL"], "-v", "ON_ERROR_STOP=1", "-Atqc", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Prisma: {done.stderr.strip()}")
    return done.stdout.strip()


def first_keys() -> list[str]:
    """Store the keys of this start unless there are some, and return what is stored."""
    values = "|".join(os.environ[f"LANGFUSE_INIT_{name}"] for name in KEYS)
    sql("CREATE TABLE IF NOT EXISTS headless (id int PRIMARY KEY, keys text)")
    sql(f"INSERT INTO headless VALUES (1, '{values}') ON CONFLICT DO NOTHING")
    return sql("SELECT keys FROM headless").split("|")


def send(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Web(BaseHTTPRequestHandler):
    """Langfuse's port."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the readiness check, and let the backend answer the rest."""
        if self.path == "/api/public/ready":
            self._answer(200, b'{"status":"OK"}')
        else:
            self._forward(None)

    def do_POST(self) -> None:
        """Keep spans in the object store first."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == OTLP and not self._is_kept(body):
            self._answer(500, b'{"error":"Internal Server Error"}')
        else:
            self._forward(body)

    def _is_kept(self, body: bytes) -> bool:
        is_packed = self.headers.get("Content-Encoding") == "gzip"
        if b"poison" in (gzip.decompress(body) if is_packed else body):
            return False
        name = f"{time.time_ns()}{'.gz' if is_packed else ''}"
        try:
            return send("PUT", EVENTS + name, body, {})[0] == http.client.OK
        except OSError:
            return False

    def _forward(self, body: bytes | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        self._answer(*send(self.command, BACKEND + self.path, body, headers))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def replay(authorization: str) -> None:
    """Give the backend, which starts empty, what is in the object store."""
    for name in send("GET", EVENTS, None, {})[1].decode().split():
        headers = {"Content-Type": "application/x-protobuf", "Authorization": authorization}
        if name.endswith(".gz"):
            headers["Content-Encoding"] = "gzip"
        send("POST", BACKEND + OTLP, send("GET", EVENTS + name, None, {})[1], headers)


def main() -> None:
    """Start the backend, then the port in front of it."""
    public, secret, project = first_keys()
    environment = {
        **os.environ,
        "LANGFUSE_BASE_URL": BACKEND.replace("127.0.0.1", "localhost"),
        "LANGFUSE_LOCAL_DATA_DIR": "/tmp/backend",
        "LANGFUSE_PROJECT_ID": project,
        "LANGFUSE_PUBLIC_KEY": public,
        "LANGFUSE_SECRET_KEY": secret,
    }
    command = [sys.executable, "-m", "langfuse_local", "serve", "--no-otlp"]
    threading.Thread(
        target=lambda: os._exit(subprocess.run(command, env=environment, check=False).returncode)
    ).start()
    while not is_up():
        time.sleep(0.2)
    basic = b64encode(f"{public}:{secret}".encode()).decode()
    replay(f"Basic {basic}")
    ThreadingHTTPServer((os.environ["HOSTNAME"], 3000), Web).serve_forever()


def is_up() -> bool:
    """Tell whether the backend answers."""
    try:
        return send("GET", f"{BACKEND}/api/public/health", None, {})[0] == http.client.OK
    except OSError:
        return False


if __name__ == "__main__":
    main()
