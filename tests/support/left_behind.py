"""A check that a test leaves no context behind, and gives OpenTelemetry nothing to log."""

from collections.abc import Iterator

import pytest
from opentelemetry import context

__all__ = ["nothing_left_behind"]


def nothing_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Run the test at the `yield`; hand it on from a fixture."""
    before = context.get_current()
    yield
    assert context.get_current() == before
    # `caplog.records` is empty in a teardown.
    records = [each for each in caplog.get_records("call") if each.name == "opentelemetry.context"]
    assert not [each.getMessage() for each in records]
