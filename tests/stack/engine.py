"""A Docker engine of the test's own, which does not touch the machine's network or its engine.

Debian's docker.io runs as root in a network namespace, so that the ports that the stack publishes
are free there whatever the machine runs, and goes away with it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ROOT", "TOOLS", "Engine", "missing", "running"]

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "stack"
_COMPOSE = "github.com/docker/compose/v2@v2.40.3"
_PROGRAMS = {
    **dict.fromkeys(("dockerd", "docker"), "docker.io"),
    **dict.fromkeys(("ip", "iptables"), "iproute2 iptables"),
    "nsenter": "util-linux",
    "debootstrap": "debootstrap",
    "go": "Go 1.26",
}


def missing() -> str:
    """Say what keeps an engine from running here; empty if nothing does."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root on Linux can start a Docker engine of its own"
    packages = {_PROGRAMS[name] for name in _PROGRAMS if shutil.which(name) is None}
    if packages:
        return f"this machine lacks {', '.join(sorted(packages))}"
    allowed = subprocess.run(["unshare", "--net", "--mount", "true"], check=False)
    return "network namespaces cannot be made here" if allowed.returncode else ""


class Engine:
    """A running engine: where it is, and commands that see its ports."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder, self.namespace = folder, namespace
        self.log = folder / "dockerd.log"
        self.environment = {
            **os.environ,
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
            "DOCKER_CONFIG": str(TOOLS / "docker"),
            "DOCKER_BUILDKIT": "0",  # BuildKit is a plugin of its own
        }

    def inside(self, *command: str) -> list[str]:
        """Return a command line that runs in the engine's network."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command]

    def run(
        self,
        *command: str,
        cwd: Path = ROOT,
        stdin: str = "",
        extra: Mapping[str, str] | None = None,
        seconds: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the engine's network and keep what it prints, errors included."""
        return subprocess.run(
            self.inside(*command),
            cwd=cwd,
            env={**self.environment, **(extra or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )

    def docker(self, *arguments: str, cwd: Path = ROOT) -> str:
        """Run docker, which must succeed, and return what it prints."""
        done = self.run("docker", *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """Run an engine for a block, in an empty folder; nothing of it is left."""
    _install_compose()
    engine = Engine(folder, f"stack-test-{os.getpid()}")
    # In memory, since deleting the layers of images file by file takes minutes on a busy disk.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8g", "stack-test", str(folder)], check=True)
    subprocess.run(["ip", "netns", "add", engine.namespace], check=True)
    try:
        subprocess.run(["ip", "-n", engine.namespace, "link", "set", "lo", "up"], check=True)
        with (
            engine.log.open("w") as log,
            subprocess.Popen(
                # nsenter, not `ip netns exec`, which hides the control groups.
                engine.inside(
                    *(
                        "dockerd",
                        "--data-root",
                        str(folder / "data"),
                        "--pidfile",
                        str(folder / "pid"),
                    ),
                    *("--exec-root", str(folder / "exec"), "-H", f"unix://{folder}/docker.sock"),
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as daemon,
        ):
            try:
                _wait(engine, daemon)
                yield engine
            finally:
                _remove_containers(engine)
                daemon.terminate()
                daemon.wait(timeout=60)
    finally:
        subprocess.run(["ip", "netns", "delete", engine.namespace], check=True)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _wait(engine: Engine, daemon: subprocess.Popen[bytes]) -> None:
    for _ in range(120):
        assert daemon.poll() is None, engine.log.read_text()[-2000:]
        if engine.run("docker", "info").returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError(f"The engine does not answer: {engine.log.read_text()[-2000:]}")


def _remove_containers(engine: Engine) -> None:
    if containers := engine.docker("ps", "--all", "--quiet").split():
        engine.docker("rm", "--force", "--volumes", *containers)


def _install_compose() -> None:
    """Build Docker Compose from its Go module: its go.mod refuses `go install`."""
    plugin = TOOLS / "docker" / "cli-plugins" / "docker-compose"
    if plugin.exists():
        return
    plugin.parent.mkdir(parents=True, exist_ok=True)
    source = TOOLS / "compose"
    shutil.rmtree(source, ignore_errors=True)
    subprocess.run(["go", "mod", "download", _COMPOSE], check=True, cwd=TOOLS)
    cache = subprocess.check_output(["go", "env", "GOMODCACHE"], text=True).strip()
    shutil.copytree(Path(cache) / _COMPOSE, source, copy_function=shutil.copyfile)
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(plugin), "./cmd"],
        check=True,
        cwd=source,
        env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"},
    )
    shutil.rmtree(source)


if __name__ == "__main__":
    sys.exit(missing() or 0)
