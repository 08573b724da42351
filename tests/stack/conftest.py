"""One engine with its images for the whole run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import engine as engines
import images
import pytest
from stack_checkout import Checkout


@pytest.fixture(scope="session")
def engine() -> Iterator[engines.Engine]:
    """Run an engine of the test's own; without one the test fails and says what is missing."""
    if reason := engines.missing():
        pytest.fail(f"No Docker engine can run here: {reason}.")
    engines.TOOLS.mkdir(parents=True, exist_ok=True)
    with engines.running(Path(tempfile.mkdtemp(prefix="stack-test-"))) as running:
        yield running


@pytest.fixture(scope="session")
def checkout(engine: engines.Engine, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a copy of this checkout, whose .env and .data are the test's own."""
    made = Checkout(engine, tmp_path_factory.mktemp("checkout") / "agent-observability-demo")
    (made.folder / "docker-compose.override.yml").write_text(images.build_all(engine))
    return made
