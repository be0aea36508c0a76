"""Files that hold secrets: read whole, as text, and never shown.

No reason given here holds any content of the file. Source: the wire contract's checks, "Secret file".
"""

import logging
import os
import stat

from returns.result import Failure, Result, Success

LARGEST_SECRET = 1 << 20
"""Bytes."""

_logger = logging.getLogger(__name__)


def read_secret(path: str) -> Result[str, str]:
    """The file as text without a byte order mark, or why it cannot be used; warns when others may read it."""
    try:
        # A pipe must not block us; O_NONBLOCK means nothing to a regular file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return Failure("is no regular file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(LARGEST_SECRET + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        return Failure(f"cannot be read: {error.strerror}")
    except ValueError:
        return Failure("is no path")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        _logger.warning("%s: the secret can be read by others than its owner; make its mode 0600", path)
    return _decoded(content)


def one_line(text: str, what: str) -> Result[str, str]:
    """The secret without the white space around it; what cannot stand in an HTTP header is refused.

    ``what`` names it in a reason, such as ``token``.
    """
    found = text.strip()
    if not found:
        return Failure(f"is empty; it must hold the {what}")
    if not (found.isascii() and found.isprintable()):
        return Failure(f"the {what} holds a line break or another character that no HTTP header can carry")
    return Success(found)


def _decoded(content: bytes) -> Result[str, str]:
    if len(content) > LARGEST_SECRET:
        return Failure("is larger than 1 MiB; it must hold one secret")
    try:
        return Success(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Failure("is not UTF-8 text")
