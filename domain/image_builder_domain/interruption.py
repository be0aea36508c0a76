"""Why work stops before it is done."""

from enum import Enum


class Interruption(Enum):
    """Why work must stop; the value is the exit code.

    ``ANOTHER_BUILD_FAILED`` stops one build of several (``--keep-going=false``), never the run.
    """

    SIGINT = 130
    SIGTERM = 143
    DEADLINE = 7
    ANOTHER_BUILD_FAILED = 3
