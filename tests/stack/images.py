"""Small images under the names of docker-compose.yml, since no registry is needed for a test."""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from engine import ROOT, TOOLS, Engine

from langfuse_stack import build

__all__ = ["build_all"]

_DOCKERFILE = Path(__file__).parent / "images"
_PACKAGES = "python3,wget,postgresql,redis-server,busybox-static,libcap2-bin,ca-certificates"
_TREE = TOOLS / "debian.tar"
_TARGETS = {"postgres", "redis", "clickhouse", "langfuse-web", "langfuse-worker", "relay"}
_OVERRIDE = """\
services:
  minio: {image: stand-in/minio} # pinned by digest, which only a registry can give
  clickhouse: {ulimits: {nofile: 20000}} # more than a virtual machine may allow
"""


def build_all(engine: Engine) -> str:
    """Build every image; return what docker-compose.yml needs beside it to use them."""
    engine.docker("import", str(_debian()), "stand-in/debian")
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        _collect_files(Path(folder))
        engine.docker("build", "--quiet", "--tag", "stand-in/files", folder)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    names = {name: service["image"] for name, service in services.items() if name in _TARGETS}
    names |= {"minio": "stand-in/minio"} | _bases()
    for target, name in names.items():
        engine.docker("build", "--quiet", "--target", target, "--tag", name, str(_DOCKERFILE))
    return _OVERRIDE


def _bases() -> dict[str, str]:
    """Return what collector/Dockerfile starts from, so that it is built as it stands."""
    text = (ROOT / "collector" / "Dockerfile").read_text()
    busybox, collector = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    return {"busybox": busybox, "otel-collector": collector}


def _debian() -> Path:
    """Return a Debian tree as an archive, made once."""
    if _TREE.exists():
        return _TREE
    folder = TOOLS / "debian"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for each in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt"):
        shutil.rmtree(folder / each)
    part = _TREE.with_suffix(".part")
    subprocess.run(["tar", "-C", str(folder), "-cf", str(part), "."], check=True)
    part.rename(_TREE)
    shutil.rmtree(folder)
    return _TREE


def _collect_files(folder: Path) -> None:
    """Fill a build context: the local backend and what it needs, and the binaries."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    shutil.copytree(ROOT / "src" / "langfuse_local", folder / "src" / "langfuse_local")
    shutil.copy(build.build(), folder / "otelcol")
    shutil.copy(build.build_relay(), folder / "caddy")
    _install(folder / "site")
    programs = folder / "busybox" / "bin"
    programs.mkdir(parents=True)
    command = ["tar", "-xf", str(_TREE), "-C", str(programs), "--strip-components=3"]
    subprocess.run([*command, "./usr/bin/busybox"], check=True)
    for name in ("sh", "mkdir", "chmod"):
        (programs / name).hardlink_to(programs / "busybox")


def _install(site: Path) -> None:
    """Install the locked dependencies for the Python of that Debian, whichever runs the test."""
    tags = [f"{tag}_{platform.machine()}" for tag in ("manylinux2014", "manylinux_2_28")]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site)),
            *("--no-deps", "--only-binary=:all:", "--python-version", "3.11"),
            *(argument for tag in tags for argument in ("--platform", tag)),
            *("--require-hashes", "--requirement", str(ROOT / "requirements" / "demo.txt")),
        ],
        check=True,
    )
