"""Files that a CI system makes for a job and reads afterwards: they are added to, never made, replaced or cut."""

import os
import stat

from image_builder_domain.artifact_failure import ArtifactFailure
from returns.result import Failure, Result, Success


def append(path: str, content: bytes) -> Result[str, ArtifactFailure]:
    """Add ``content`` to a regular file that exists, on a line of its own; a link is not followed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
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
        return Failure(ArtifactFailure(path, "this is no regular file"))
    if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
        content = b"\n" + content  # an earlier step left its last line open
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return Success(path)
