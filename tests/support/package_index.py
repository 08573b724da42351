"""A package index on loopback that has a lock's packages, and a newer release of each."""

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZipFile

from packaging.requirements import Requirement

__all__ = ["NEWER", "PackageIndex", "packages", "serving"]

NEWER = "99999"
"""The version that only a resolver would choose."""


def packages(lock: str) -> dict[Requirement, list[str]]:
    """Return what a lock pins, each with the names of the packages that need it."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    return {
        Requirement(block.split("\\")[0]): re.findall(
            r"^    #(?: via)? {1,3}([\w.-]+)$", block, re.M
        )
        for block in blocks
    }


@dataclass
class PackageIndex:
    """Empty wheels whose names, versions and dependencies are those of a lock."""

    wheels: dict[str, bytes] = field(default_factory=dict)

    def publish(self, lock: str, **needed: str) -> str:
        """Publish what a lock pins and a newer release of it; return the lock with their hashes.

        A package needs those that say `via` it, in any version, and what is given by its name.
        """
        pinned = packages(lock)
        lines = []
        for package in pinned:
            needs = [
                # With an extra, as pip 23.2 then takes the newer release into account.
                f"{need.name}[more]" + (f" ; {need.marker}" if need.marker else "")
                for need, parents in pinned.items()
                if package.name in parents
            ]
            version = str(package.specifier).removeprefix("==")
            needs += [needed[package.name]] if package.name in needed else []
            wheel = self.add(package.name, version, *needs)
            self.add(package.name, NEWER)
            lines.append(f"{package} --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n")
        return "".join(lines)

    def add(self, name: str, version: str, *needs: str) -> bytes:
        """Publish one wheel and return it."""
        stem = f"{name.replace('-', '_')}-{version}"
        metadata = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
            "Provides-Extra: more",
            *(f"Requires-Dist: {need}" for need in needs),
        ]
        content = io.BytesIO()
        with ZipFile(content, "w") as wheel:
            folder = f"{stem}.dist-info"
            wheel.writestr(f"{folder}/METADATA", "\n".join(metadata) + "\n")
            wheel.writestr(
                f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{folder}/RECORD", "")
        self.wheels[f"{stem}-py3-none-any.whl"] = content.getvalue()
        return content.getvalue()

    def page(self, name: str) -> bytes:
        """Return the simple index's page of a package."""
        start = f"{name.replace('-', '_')}-"
        files = [wheel for wheel in self.wheels if wheel.lower().startswith(start)]
        return "".join(f'<a href="/files/{file}">{file}</a>' for file in files).encode()


@contextmanager
def serving(index: PackageIndex) -> Iterator[str]:
    """Serve the index; yield its address, which is what PIP_INDEX_URL takes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, name = self.path.strip("/").split("/")
            content = index.wheels.get(name) if kind == "files" else index.page(name)
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Keep the tests' output to the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()
