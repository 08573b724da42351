"""`scripts/install.py`: a lock is installed as it stands, whatever its index offers by then."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.package_index import PackageIndex, packages, serving

ROOT = Path(__file__).parents[1]
LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
SMALL = "alpha==1.0\nbeta==1.0 \\\n    # via alpha\n"


@dataclass(frozen=True)
class Checkout:
    """A folder with requirements/ and an environment, and the index that it installs from."""

    folder: Path
    index: PackageIndex
    environment: dict[str, str]

    def lock(self, text: str, **needed: str) -> None:
        """Publish the packages of a lock, and put it into requirements/."""
        published = self.index.publish(text, **needed)
        (self.folder / "requirements" / "some.txt").write_text(published)

    def install(self) -> subprocess.CompletedProcess[str]:
        """Do what make does for a lock."""
        return subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "install.py"), "some", "venv"],
            cwd=self.folder,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def installed(self) -> dict[str, str]:
        """Return the versions in the environment, but for pip's own."""
        command = [
            str(self.folder / "venv/bin/python"),
            *("-m", "pip", "--disable-pip-version-check", "list", "--format=json"),
        ]
        listed = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        )
        found = {each["name"]: each["version"] for each in json.loads(listed.stdout)}
        return {name: found[name] for name in found.keys() - {"pip", "setuptools"}}

    def put_on_path(self, name: str, script: str) -> None:
        """Add a command in front of everything else."""
        command = self.folder / "bin" / name
        command.write_text(script)
        command.chmod(0o755)


@pytest.fixture(scope="session", name="empty_environment")
def _empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path, empty_environment: Path) -> Iterator[Checkout]:
    shutil.copytree(empty_environment, tmp_path / "venv", symlinks=True)
    for folder in ("requirements", "bin"):
        (tmp_path / folder).mkdir()
    index = PackageIndex()
    with serving(index) as address:
        environment = {
            "HOME": str(tmp_path),
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": address,
            "UV_DEFAULT_INDEX": address,
            "UV_NO_CONFIG": "1",
        }
        yield Checkout(tmp_path, index, environment)


def pins(lock: str) -> dict[str, str]:
    """Return the versions that a lock has for this Python and platform."""
    return {
        package.name: str(package.specifier).removeprefix("==")
        for package in packages(lock)
        if package.marker is None or package.marker.evaluate()
    }


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_installs_when_newer_releases_are_out(checkout: Checkout, name: str) -> None:
    """Each package comes in the locked version from an index that has a newer one of each.

    The packages are empty ones of the lock's names, versions and dependencies; they ask for one
    another in any version, with extras, so that a resolver would take the newer.
    """
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    checkout.lock(lock)
    done = checkout.install()
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkout.installed() == pins(lock)


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")
def test_uv_installs_the_same(checkout: Checkout) -> None:
    """A reader's uv is used, and takes the locked versions too."""
    (checkout.folder / "bin" / "uv").symlink_to(str(shutil.which("uv")))
    lock = (ROOT / "requirements" / "demo.txt").read_text()
    checkout.lock(lock)
    assert checkout.install().returncode == 0
    assert checkout.installed() == pins(lock)


def test_uv_is_asked_first(checkout: Checkout) -> None:
    """With hashes and without a resolver, into the environment that was named."""
    checkout.put_on_path("uv", '#!/bin/sh\necho "$*" > asked\n')
    checkout.lock(SMALL)
    assert checkout.install().returncode == 0
    asked = (checkout.folder / "asked").read_text().strip()
    options = "--no-deps --require-hashes -r requirements/some.txt"
    assert asked == f"pip install --python venv/bin/python {options}"
    assert checkout.installed() == {}


def test_what_uv_cannot_do_pip_does(checkout: Checkout) -> None:
    """An index that only pip's settings name, or an old uv, is no end."""
    checkout.put_on_path("uv", "#!/bin/sh\nexit 2\n")
    checkout.lock(SMALL)
    assert checkout.install().returncode == 0
    assert checkout.installed() == {"alpha": "1.0", "beta": "1.0"}


def test_another_file_under_a_locked_name_is_refused(checkout: Checkout) -> None:
    """A hash that differs ends the installation with pip's words and a sentence."""
    checkout.lock(SMALL)
    checkout.index.add("beta", "1.0", "alpha")
    done = checkout.install()
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "The installation failed." in done.stderr
    assert checkout.installed() == {}


def test_what_an_older_lock_left_does_not_stay_in_the_way(checkout: Checkout) -> None:
    """An environment that no longer fits together is made anew, and holds the new lock alone."""
    checkout.lock("old==1.0\nbeta==1.0\n", old="beta<2")
    assert checkout.install().returncode == 0
    checkout.lock("beta==2.0\n")
    assert checkout.install().returncode == 0
    assert checkout.installed() == {"beta": "2.0"}


def test_a_lock_that_does_not_fit_together_is_refused(checkout: Checkout) -> None:
    """What is missing is said, and the exit code stops make."""
    checkout.lock("alpha==1.0\n", alpha="absent")
    done = checkout.install()
    assert done.returncode == 1
    assert "absent" in done.stderr
    assert done.stderr.endswith("requirements/some.txt does not fit together.\n")


def test_no_python_at_all_is_a_sentence(tmp_path: Path) -> None:
    """Make says what to install, whether python3 is missing or only a stand-in that fails."""
    for tool in ("make", "sh", "touch"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    for name in ("Makefile", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = ["make", "-f", str(ROOT / "Makefile"), "demo"]
    for _ in range(2):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PATH": str(tmp_path)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert done.stderr.startswith("There is no python3 here: install Python 3.11 or newer")
        assert len(done.stderr.splitlines()) == 2  # the second is make's
        (tmp_path / "python3").write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / "python3").chmod(0o755)
