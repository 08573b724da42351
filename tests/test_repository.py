"""Promises of the repository itself: its locks, its commands, its documents, its layers."""

import ast
import contextlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_hashes_and_names_no_index(lock: Path) -> None:
    """Every requirement has a version and a hash, and no address of a package index stands there."""
    text = lock.read_text()
    packages = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    # Go is one; the clients' lock holds clients alone; every other one holds the project too.
    assert len(packages) > {"go.txt": 0, "clients.txt": 30}.get(lock.name, 50)
    for package in packages:
        assert re.match(r"[\w.-]+==", package), package[:40]
        assert "--hash=sha256:" in package, package[:40]
    assert "://" not in text
    assert "--find-links" not in text


def test_bare_make_lists_every_target() -> None:
    """`make` alone prints help that has a line for each target."""
    shown = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.findall(r"^make (\S+)", shown, re.MULTILINE) == TARGETS


def test_every_target_is_in_the_readme() -> None:
    """The README's table of commands leaves none out, and lists none that is gone."""
    listed = re.findall(r"^\| `make ?(\S*)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(["", *(name for name in TARGETS if name != "help")])


def test_the_documents_link_to_what_exists() -> None:
    """Every relative link and picture in a document points at a file of the repository."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert documents
    for document in documents:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize(
    "name",
    [
        "agent_observability/instrumentation",
        "langfuse_otel/context",
        "langfuse_otel/policy",
    ],
)
def test_no_opentelemetry_sdk_where_the_api_will_do(name: str) -> None:
    """These modules work with any provider, or none: they import the API and never the SDK."""
    tree = ast.parse((ROOT / f"src/{name}.py").read_text())
    imported = {
        module
        for node in ast.walk(tree)
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert any(module.startswith("opentelemetry") for module in imported)
    assert not [
        m for m in imported if m.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
    ]


@pytest.mark.parametrize(
    ("name", "lines"), [("main", 60), ("langfuse_context", 100), ("telemetry", 90)]
)
def test_the_chapters_files_are_one_screen_each(name: str, lines: int) -> None:
    """Whoever follows the chapter reads each of its three files in one sitting."""
    path = ROOT / f"src/agent_observability/{name}.py"
    assert len(path.read_text().splitlines()) <= lines


def _declared(project: Path, *extras: str) -> set[str]:
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    chosen = [table["dependencies"], *(table["optional-dependencies"][extra] for extra in extras)]
    requirements = [requirement for group in chosen for requirement in group]
    return {re.split(r"[<>=\[;]", requirement)[0].lower() for requirement in requirements}


def _imported(package: str) -> set[str]:
    found = set()
    for path in (ROOT / "src" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    own = {path.name for path in (ROOT / "src").iterdir()}
    return {name for name in found if name.split(".")[0] not in own | sys.stdlib_module_names}


def _distribution(name: str) -> str:
    """Return which distribution has the module's file: several share `opentelemetry`."""
    for length in range(len(name.split(".")), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            spec = importlib.util.find_spec(".".join(name.split(".")[:length]))
            if spec and spec.origin:
                return FILES[Path(spec.origin).resolve()]
    raise AssertionError(name)


FILES = {
    Path(str(file.locate())).resolve(): distribution.metadata["Name"].lower()
    for distribution in importlib.metadata.distributions()
    for file in distribution.files or ()
    if file.suffix in {".py", ".so"}
}


@pytest.mark.parametrize(
    ("package", "project", "extras"),
    [
        ("agent_observability", "", ("openai",)),
        ("langfuse_checks", "", ("checks",)),
        ("langfuse_local", "", ("local",)),
        ("langfuse_otel", "", ()),
        ("langfuse_otel", "src/langfuse_otel", ()),
        ("langfuse_stack", "", ()),
    ],
)
def test_what_is_imported_is_declared(package: str, project: str, extras: tuple[str, ...]) -> None:
    """Nothing is used that only another dependency brings along, and may stop bringing."""
    declared = _declared(ROOT / project, *extras)
    # An extra of the application, and what whoever uses langfuse_otel.testing has.
    optional = {"opentelemetry.instrumentation", "pytest"}
    needed = {
        name: _distribution(name)
        for name in _imported(package)
        if not name.startswith(tuple(optional))
    }
    assert {name: by for name, by in needed.items() if by not in declared} == {}


def test_what_is_declared_is_in_the_lock() -> None:
    """The lock that `make demo` installs pins every dependency by name."""
    locked = set(re.findall(r"^([a-z0-9.-]+)", (ROOT / "requirements/demo.txt").read_text(), re.M))
    assert _declared(ROOT, "local", "checks") <= locked
