"""Logs, reports and output files on the local file system.

A link is never followed in the last part of a path, and not in its folders where a repository can contain the link (see
:mod:`image_builder_adapters.safe_folder`): the author of a commit could choose which file is overwritten.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from itertools import count
from typing import final

from image_builder_domain.failure import ArtifactFailure
from returns.result import Failure, Result, Success

from image_builder_adapters.redaction import PieceRedactor, Redactor
from image_builder_adapters.safe_folder import link_on, nearest_folder, opened_folder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE_MODE = 0o644
_NO_FILE = "this is not the path of a file"


@final
class FileArtifacts:
    """Implements :class:`~image_builder_domain.artifacts.Artifacts`; ``redactor`` takes secrets out of logs.

    The log directory is made when the first log is opened. Whole files are written as given. ``context`` is the build
    context: links in it are not followed, as in every git working copy.
    """

    def __init__(self, log_directory: str, redactor: Redactor, context: str | None = None) -> None:
        self._log_directory = log_directory
        self._redactor = redactor
        self._context = context

    def check_logs(self) -> Result[str, ArtifactFailure]:
        """Implement ``Artifacts.check_logs``."""
        return self._checked(self._log_directory, self._log_directory, None)

    def check(self, path: str) -> Result[str, ArtifactFailure]:
        """Implement ``Artifacts.check``."""
        folder, name = os.path.split(path)
        if not _is_file_name(name):
            return Failure(ArtifactFailure(path, _NO_FILE))
        return self._checked(path, folder or os.curdir, name)

    def _checked(self, path: str, folder: str, name: str | None) -> Result[str, ArtifactFailure]:
        try:
            with nearest_folder(folder, self._context) as (directory, is_there):
                obstacle = _obstacle(name, directory) if is_there and name is not None else None
                if obstacle is None and not os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=True):
                    obstacle = os.strerror(errno.EACCES)
        except (OSError, ValueError) as error:
            obstacle = _reason(error)
        return Success(path) if obstacle is None else Failure(ArtifactFailure(path, obstacle))

    def open_log(self, name: str) -> "Result[FileLog, ArtifactFailure]":
        """Implement ``Artifacts.open_log``; a name that is taken becomes ``<stem>-2.log``, ``-3``, and so on."""
        path = os.path.join(self._log_directory, name)
        if not _is_file_name(name):
            return Failure(ArtifactFailure(path, f"{name!r} is not a file name"))
        try:
            with opened_folder(self._log_directory, self._context) as directory:
                return self._open_first_free(name, directory)
        except (OSError, ValueError) as error:
            return Failure(ArtifactFailure(path, _reason(error)))

    def _open_first_free(self, name: str, directory: int) -> "Result[FileLog, ArtifactFailure]":
        # As many as there are: a folder that is kept between runs gets a file more with each of them.
        for candidate in _names(name):
            try:
                descriptor = os.open(candidate, _NEW, _FILE_MODE, dir_fd=directory)
            except FileExistsError:
                continue
            path = os.path.join(self._log_directory, candidate)
            return Success(FileLog(path, descriptor, PieceRedactor(self._redactor)))
        raise AssertionError("names never end")

    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        """Implement ``Artifacts.write``; folders are made, and only a regular file is replaced."""
        folder, name = os.path.split(path)
        if not _is_file_name(name):
            return Failure(ArtifactFailure(path, _NO_FILE))
        try:
            with opened_folder(folder or os.curdir, self._context) as directory:
                obstacle = _obstacle(name, directory)
                if obstacle is not None:
                    return Failure(ArtifactFailure(path, obstacle))
                _replace(name, content, directory)
        except (OSError, ValueError) as error:
            return Failure(ArtifactFailure(path, _reason(error)))
        return Success(path)

    def discard(self, path: str) -> Result[str, ArtifactFailure]:
        """Implement ``Artifacts.discard``; only a regular file is removed."""
        folder, name = os.path.split(path)
        if not _is_file_name(name):
            return Failure(ArtifactFailure(path, _NO_FILE))
        try:
            with opened_folder(folder or os.curdir, self._context, mode=None) as directory:
                obstacle = _obstacle(name, directory)
                if obstacle is not None:
                    return Failure(ArtifactFailure(path, obstacle))
                os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            return Failure(ArtifactFailure(path, _reason(error)))
        return Success(path)

    def append(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        """Implement ``EvidenceFiles.append``."""
        return append(path, content)

    def link_on(self, folder: str) -> str:
        """Implement ``EvidenceFiles.link_on``."""
        return link_on(folder, self._context)


@final
class FileLog:
    """Implements :class:`~image_builder_domain.artifacts.LogFile`; no line is buffered, so a killed run loses none.

    After the first failure nothing more is written: what is there has no gap. Safe to use from several threads.
    """

    def __init__(self, path: str, descriptor: int, redact: PieceRedactor) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        self._redact = redact
        self._failure: ArtifactFailure | None = None
        # A late thread must not write to a number that some other file has got after close().
        self._lock = threading.Lock()

    @property
    def path(self) -> str:
        """Where it lies."""
        return self._path

    def write(self, lines: bytes) -> None:
        """Implement ``LogFile.write``; after :meth:`close` it does nothing."""
        with self._lock:
            self._append(self._redact(lines))

    def close(self) -> Result[str, ArtifactFailure]:
        """Implement ``LogFile.close``; closing again gives the same answer."""
        with self._lock:
            if self._descriptor is not None:
                self._append(self._redact.rest())
                self._close(self._descriptor)
                self._descriptor = None
        return Success(self._path) if self._failure is None else Failure(self._failure)

    def _append(self, redacted: bytes) -> None:
        if self._descriptor is None or self._failure is not None:
            return
        try:
            _write_all(self._descriptor, redacted)
        except OSError as error:
            self._failure = ArtifactFailure(self._path, _reason(error))

    def _close(self, descriptor: int) -> None:
        try:
            os.close(descriptor)
        except OSError as error:  # a network file system may tell of a full disk only now
            self._failure = self._failure or ArtifactFailure(self._path, _reason(error))


def append(path: str, content: bytes) -> Result[str, ArtifactFailure]:
    """Add ``content``, on a line of its own, to a regular file that a CI system made for the job.

    The file is never made, replaced or cut. Empty ``content`` changes nothing: it checks that the file can be written.
    """
    folder, name = os.path.split(path)
    try:
        with opened_folder(folder or os.curdir, mode=None) as directory:
            descriptor = os.open(name, _APPEND, dir_fd=directory)
        try:
            return _add(path, descriptor, content)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        return Failure(ArtifactFailure(path, _reason(error)))


def _add(path: str, descriptor: int, content: bytes) -> Result[str, ArtifactFailure]:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Failure(ArtifactFailure(path, "this is not a regular file"))
    if content and status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
        content = b"\n" + content  # an earlier step did not end its last line
    _write_all(descriptor, content)
    return Success(path)


def _replace(name: str, content: bytes, directory: int) -> None:
    """Write beside, then rename: readers see the old file or the new one, never a part."""
    temporary = f".image-builder-{os.urandom(8).hex()}.tmp"
    descriptor = os.open(temporary, _NEW, _FILE_MODE, dir_fd=directory)
    try:
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(temporary, dir_fd=directory)
        raise


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _obstacle(name: str, directory: int) -> str | None:
    """Why what lies there already must not be replaced."""
    try:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        return None
    kinds = {stat.S_IFLNK: "a link, which is never followed", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe"}
    return f"this is {kinds.get(stat.S_IFMT(mode), 'a device or socket')}, not a file"


def _names(name: str) -> Iterator[str]:
    yield name
    stem, extension = os.path.splitext(name)
    for number in count(2):
        yield f"{stem}-{number}{extension}"


def _is_file_name(name: str) -> bool:
    return name not in ("", os.curdir, os.pardir) and "/" not in name


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
