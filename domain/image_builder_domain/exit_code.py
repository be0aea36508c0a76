"""What the process tells its caller."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells; never renumbered (specification, section 1)."""

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
