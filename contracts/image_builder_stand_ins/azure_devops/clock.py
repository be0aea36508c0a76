"""Times as the service writes them: UTC, with 0 to 7 digits of a second; log lines always have 7."""

import time
from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00"
"""What a time that was never set looks like, without a zone."""


def now() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()


def full(nanoseconds: int) -> str:
    """With 7 digits, as in log lines."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 100:07d}Z"


def short(nanoseconds: int) -> str:
    """As JSON answers have it: trailing zeros go, and the point with the last of them."""
    return full(nanoseconds)[:-1].rstrip("0").rstrip(".") + "Z"


def day(nanoseconds: int) -> str:
    """The date part of a build number."""
    return f"{datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC):%Y%m%d}"
