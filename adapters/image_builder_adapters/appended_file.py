"""Files that a CI system makes for a job and reads afterwards: they are added to, never made, replaced or cut."""

import os
import stat

from image_builder_domain.failure import ArtifactFailure
from returns.result import Failure, Result, Success

from image_builder_adapters.folder import opened_folder

_OPEN = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def append(path: str, content: bytes) -> Result[str, ArtifactFailure]:
    """Add ``content`` to a regular file that exists, on a line of its own; a link is not followed.

    Empty ``content`` changes nothing: it checks whether the file can be written.
    """
    folder, name = os.path.split(path)
    try:
        with opened_folder(folder or os.curdir, mode=None) as directory:
            descriptor = os.open(name, _OPEN, dir_fd=directory)
        try:
            return _add(path, descriptor, content)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return Failure(ArtifactFailure(path, reason))


def _add(path: str, descriptor: int, content: bytes) -> Result[str, ArtifactFailure]:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Failure(ArtifactFailure(path, "this is not a regular file"))
    if content and status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
        content = b"\n" + content  # an earlier step left its last line open
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return Success(path)
