"""Small files that a person wrote, read whole: never a pipe or a device, never more than a limit."""

import os
import stat

from image_builder_domain.problem import Problems, refuse
from returns.result import Result, Success

LARGEST_FILE = 1 << 20
"""Bytes."""


def read_file(path: str, remedy: str, largest: int = LARGEST_FILE) -> Result[bytes, Problems]:
    """The content of a regular file of at most ``largest`` bytes; ``remedy`` is what to do when it cannot be had."""
    try:
        content = _content(path, largest)
    except FileNotFoundError:
        return refuse(path, "there is no such file", remedy)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return refuse(path, f"the file cannot be read: {reason}", f"make it readable, or {remedy}")
    if content is None:
        return refuse(path, "this is no regular file", remedy)
    if len(content) > largest:
        return refuse(path, f"the file is larger than {largest} bytes", remedy)
    return Success(content)


def _content(path: str, largest: int) -> bytes | None:
    """At most one byte too many; None for what is no regular file. A pipe without a writer does not block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(largest + 1)
    finally:
        os.close(descriptor)
