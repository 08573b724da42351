"""The Collector's binary: built in CI, used where it is there, else the reason and the command."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_process import QUICKLY, running
from guarded_collector import Guard
from otlp_sink import Sink, sink_up

from langfuse_stack import build


@pytest.fixture(scope="session")
def binary() -> Path:
    """Return the built Collector; in CI a Collector that cannot be built is a failure."""
    if os.environ.get("CI") == "true":
        return build.build()
    found = build.built()
    if found is None:
        pytest.skip("the Collector is not built: make collector")
    return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Run a backend that takes everything until it is told otherwise."""
    with sink_up() as running:
        yield running


@pytest.fixture(scope="module")
def guard(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    """Run one Collector for every test of a module."""
    directory = tmp_path_factory.mktemp("guard")
    with sink_up() as sink, running(binary, directory, sink.endpoint, overlay=QUICKLY) as collector:
        yield Guard(collector, sink)
