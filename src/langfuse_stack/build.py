"""Build the Collector of `collector/builder.yaml`, and the relay, from Go modules into `.tools`.

The tests and `make demo COLLECTOR=native` run these binaries, so that what is shipped for Docker is
proved on machines without Docker.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .errors import StackError
from .go import find_go

__all__ = ["ROOT", "build", "build_relay", "built", "built_relay"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""

_COMPOSE = ROOT / "docker-compose.yml"
_MANIFEST = ROOT / "collector" / "builder.yaml"
_TOOLS = ROOT / ".tools"
_BINARY = _TOOLS / "otelcol"
_STAMP = _TOOLS / "otelcol.sha256"
_LOG = _TOOLS / "otelcol-build.log"


def built() -> Path | None:
    """Return the binary if it is there and of this manifest."""
    if _BINARY.exists() and _STAMP.exists() and _STAMP.read_text() == _digest():
        return _BINARY
    return None


def build() -> Path:
    """Return the binary, building it first unless it is of this manifest already.

    Raises:
        StackError: There is no Go, or the build failed.
    """
    if binary := built():
        return binary
    go, version = find_go(ROOT), _version()
    _TOOLS.mkdir(exist_ok=True)
    print(
        f"Building the OpenTelemetry Collector {version} into .tools/otelcol:"
        " a few minutes, once until collector/builder.yaml changes.",
        flush=True,
    )
    _run_builder(go, version)
    (_TOOLS / "otelcol-build" / "otelcol").replace(_BINARY)
    shutil.rmtree(_TOOLS / "otelcol-build")
    _STAMP.write_text(_digest())
    return _BINARY


def built_relay() -> Path | None:
    """Return the relay's binary if it is there and of the version in docker-compose.yml."""
    binary = _TOOLS / f"caddy-{_relay_version()}"
    return binary if binary.exists() else None


def build_relay() -> Path:
    """Return the relay's binary, building it first unless it is there.

    Raises:
        StackError: There is no Go, or the build failed.
    """
    if binary := built_relay():
        return binary
    go, version = find_go(ROOT), _relay_version()
    _TOOLS.mkdir(exist_ok=True)
    print(f"Building Caddy {version} into .tools: a few minutes, once a version.", flush=True)
    module = f"github.com/caddyserver/caddy/v2/cmd/caddy@v{version}"
    _run(go, ["install", "-trimpath", "-ldflags=-s -w", module], {"GOBIN": str(_TOOLS)})
    return (_TOOLS / "caddy").rename(_TOOLS / f"caddy-{version}")


def _relay_version() -> str:
    found = re.search(r"image: docker\.io/library/caddy:([0-9.]+)", _COMPOSE.read_text())
    if found is None:
        raise StackError("docker-compose.yml has no Caddy: restore it from git.")
    return found[1]


def _digest() -> str:
    return hashlib.sha256(_MANIFEST.read_bytes()).hexdigest()


def _version() -> str:
    found = re.search(r"^  version: (\S+)$", _MANIFEST.read_text(), re.MULTILINE)
    if found is None:
        raise StackError("collector/builder.yaml has no dist.version: restore it from git.")
    return found[1]


def _run_builder(go: Path, version: str) -> None:
    command = ["run", f"go.opentelemetry.io/collector/cmd/builder@v{version}"]
    _run(go, [*command, "--config", str(_MANIFEST)])


def _run(
    go: Path, arguments: list[str], environment: Mapping[str, str] = MappingProxyType({})
) -> None:
    settings = {
        "CGO_ENABLED": "0",
        # VCS stamps would make Go look into this repository, which may be someone else's.
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
        "PATH": f"{go.parent}{os.pathsep}{os.environ['PATH']}",  # the builder runs `go`
    }
    with (
        _LOG.open("w") as log,
        subprocess.Popen(
            [str(go), *arguments],
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _show_progress(process)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        tail = "\n".join(_LOG.read_text(errors="replace").splitlines()[-15:])
        raise StackError(
            f"{tail}\nIt could not be built; the whole output is in"
            f" {_LOG.relative_to(ROOT)}. If there was no network, run make collector again:"
            " what was downloaded is kept."
        )


def _show_progress(process: subprocess.Popen[bytes]) -> None:
    started, terminal = time.monotonic(), sys.stdout.isatty()
    while True:
        try:
            process.wait(timeout=1 if terminal else 20)
        except subprocess.TimeoutExpired:
            doing = f"  {time.monotonic() - started:3.0f} s  {_doing()}"
            print(
                f"\r\033[K{doing}" if terminal else doing, end="" if terminal else "\n", flush=True
            )
            continue
        if terminal:
            print("\r\033[K", end="", flush=True)
        return


def _doing() -> str:
    lines = _LOG.read_text(errors="replace").split("\n")
    return next((line.strip()[-70:] for line in reversed(lines) if line.strip()), "starting")
