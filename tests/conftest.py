"""What holds for all tests."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import guard

# How long an example takes says nothing on cores that others use too; benchmarks measure, properties do not.
settings.register_profile("steady", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# Servers of tests are on loopback, and no proxy leads there.
for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(name, None)
    os.environ.pop(name.upper(), None)

guard.install()

FAILED_BEFORE = os.environ.get("IMAGE_BUILDER_FAILED_BEFORE", "")
"""What failed in this run of ``scripts/test`` before its tests began."""


UNIT = Path(__file__).parent / "unit"


@pytest.fixture(autouse=True)
def nothing_refused(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that did something which ``tests/guard.py`` refuses, also where it caught the refusal."""
    before = len(guard.refused)
    with guard.no_network() if request.path.is_relative_to(UNIT) else nullcontext():
        yield
    assert guard.refused[before:] == []


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Undo what a run of the command in this process did: its children inherit a signal that is ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Undo where a run of the command in this process sends its log: later tests read it in another place."""
    logger = logging.getLogger("image_builder_adapters")
    before, handlers, level = logger.propagate, list(logger.handlers), logger.level
    yield
    logger.propagate, logger.handlers = before, handlers
    logger.setLevel(level)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when something failed before."""
    if FAILED_BEFORE and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what failed before, above the summary."""
    if FAILED_BEFORE:
        terminalreporter.write_sep("=", f"failed before these tests, see above: {FAILED_BEFORE}", red=True)
