"""The last line of `make test`: what was not run here, why, and the command that would run it.

A reason for skipping a test reads `why: command`.
"""

from collections import Counter
from collections.abc import Generator, Iterator

import pytest

__all__: list[str] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Print the line below pytest's own last one, if the whole suite was asked for."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        reporter.write_line(f"Not run here: {'; '.join(_not_run(reporter.stats))}.")


def _not_run(stats: dict[str, list[pytest.TestReport]]) -> Iterator[str]:
    for reason, count in Counter(map(_reason, stats.get("skipped", ()))).most_common():
        why, _, command = reason.partition(": ")
        yield f"{_count(count, 'test')}, since {why} ({command})"
    yield f"{_count(len(stats.get('deselected', ())), 'soak test')} (make soak)"
    yield "those beside other libraries (make interop)"
    yield "those by others' clients (make clients)"
    yield "those in services of their own (make examples)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _reason(report: pytest.TestReport) -> str:
    assert isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ")
