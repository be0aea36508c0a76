"""Files of bounded size that people and other programs wrote: read whole, never a pipe or a device.

The one place that opens such a file. A named pipe without a writer does not block it.
"""

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from image_builder_domain.problem import Problems, refuse
from returns.result import Failure, Result, Success

LARGEST_FILE: Final = 1 << 20
"""Bytes."""


@final
class RegularFile(NamedTuple):
    """The content of a regular file, and its mode as ``stat`` gives it."""

    content: bytes
    mode: int


@final
@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """Why a file cannot be used: the rest of a sentence that begins with its name. Never quotes its content."""

    reason: str
    is_missing: bool = False

    def __str__(self) -> str:
        return self.reason


def read_regular(
    path: str, largest: int = LARGEST_FILE, *, follow_link: bool = True, cut: bool = False
) -> Result[RegularFile, UnreadableFile]:
    """A regular file of at most ``largest`` bytes; of a larger one its beginning if ``cut`` is set.

    ``follow_link`` is about the last part of the path alone.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_link else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return Failure(UnreadableFile("is not a regular file"))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(largest if cut else largest + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return Failure(UnreadableFile("does not exist", is_missing=True))
        is_link = error.errno == errno.ELOOP and not follow_link
        return Failure(UnreadableFile(f"cannot be read: {'it is a link' if is_link else error.strerror}"))
    except ValueError:
        return Failure(UnreadableFile("cannot be read: invalid path"))
    if len(content) > largest:
        limit = f"{largest} bytes" if largest < 1 << 20 else f"{largest >> 20} MiB"
        return Failure(UnreadableFile(f"is larger than {limit}"))
    return Success(RegularFile(content, mode))


def read_file(path: str, remedy: str, largest: int = LARGEST_FILE) -> Result[bytes, Problems]:
    """The content of a file that the user names; ``remedy`` is what to do when it cannot be read."""
    file = read_regular(path, largest)
    if isinstance(file, Failure):
        return refuse(path, f"the file {file.failure()}", remedy)
    return Success(file.unwrap().content)


# --- secrets ----------------------------------------------------------------------------------------------------------


def read_secret(path: str) -> Result[str, str]:
    """The text of a file that holds a secret, without a byte order mark; warns when others may read the file.

    Source: the wire contract's checks, "Secret file".
    """
    file = read_regular(path)
    if isinstance(file, Failure):
        return Failure(str(file.failure()))
    content, mode = file.unwrap()
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        import logging  # printing tags must start without it

        logging.getLogger(__name__).warning(
            "%s: the secret can be read by others than its owner; make its mode 0600", path
        )
    try:
        return Success(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Failure("is not UTF-8 text")


def one_line(text: str, what: str) -> Result[str, str]:
    """The secret without the white space around it, if an HTTP header can carry it.

    ``what`` names it, such as ``token``. A reason is the rest of a sentence that begins with the place of the text.
    """
    found = text.strip()
    if not found:
        return Failure(f"is empty; it must hold the {what}")
    if not (found.isascii() and found.isprintable()):
        return Failure("holds a line break or another character that an HTTP header cannot carry")
    return Success(found)
