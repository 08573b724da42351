"""The Collector's binary: built in CI, used where it is there, else the reason and the command."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_process import QUICKLY, running
from guarded_collector import Guard

from langfuse_stack import build
from support.otlp_sinks import Sink, accepting
from support.otlp_sinks import sink as running_sink


@pytest.fixture(scope="session")
def binary() -> Path:
    """Return the built Collector; in CI a Collector that cannot be built is a failure."""
    if os.environ.get("CI") == "true":
        build.build_relay()
        return build.build()
    found = build.built()
    if found is None or build.built_relay() is None:
        pytest.skip("the Collector is not built: make collector")
    return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Run a backend that takes everything until it is told otherwise."""
    with running_sink(accepting, path="/api/public/otel") as receiver:
        yield receiver


@pytest.fixture(scope="module")
def guard(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    """Run one Collector for every test of a module."""
    directory = tmp_path_factory.mktemp("guard")
    with (
        running_sink(accepting, path="/api/public/otel") as receiver,
        running(binary, directory, receiver.endpoint, overlay=QUICKLY) as collector,
    ):
        yield Guard(collector, receiver)
