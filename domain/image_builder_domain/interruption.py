"""Why work stops before it is done."""

from enum import Enum


class Interruption(Enum):
    """Why work must stop; the value is the exit code."""

    SIGINT = 130
    SIGTERM = 143
    DEADLINE = 7
