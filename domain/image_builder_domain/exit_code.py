"""The exit code of the process, and what interrupts a run before it is done."""

from collections.abc import Collection
from enum import Enum, IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes of every mode; never renumbered (specification, section 1)."""

    DONE = 0
    BUG = 1
    REFUSED = 2
    BUILD_FAILED = 3
    PUSH_FAILED = 4
    SIGNING_FAILED = 5
    REMOTE_FAILED = 6
    DEADLINE = 7
    FILE_NOT_WRITTEN = 8
    SIGINT = 130
    SIGTERM = 143


_PRECEDENCE: Final = (130, 143, 7, 1, 3, 6, 4, 5, 8)


def first_failure(codes: Collection[ExitCode]) -> ExitCode:
    """Of several failures the one that is the exit code; without any, 0."""
    return next((ExitCode(code) for code in _PRECEDENCE if code in codes), ExitCode.DONE)


class Interruption(Enum):
    """Why work must stop; the value is the exit code.

    ``ANOTHER_BUILD_FAILED`` stops one build of several (``--keep-going=false``), never the run.
    """

    SIGINT = 130
    SIGTERM = 143
    DEADLINE = 7
    ANOTHER_BUILD_FAILED = 3
