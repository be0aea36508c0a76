"""Folders that are reached without following a link that a repository can contain.

The author of a commit could otherwise choose which file of the machine a report or a log replaces. A path is
walked part by part with descriptors, as the kernel does (path_resolution(7)); a link is followed only while the walk is
outside of every foreign folder. Foreign are: the build context, each folder that holds ``.git``, the working directory
(unless it is ``/``), and everything below them. Links of the system and its administrators (``/var/run``, a home behind
a link) therefore keep working.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, final

_OPEN: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS: Final = 40
"""As many as Linux follows in one path."""


@contextmanager
def opened_folder(path: str, context: str | None = None, *, mode: int | None = 0o755) -> Iterator[int]:
    """A descriptor of the folder at ``path``: what happens to the path later cannot matter.

    ``context`` is the build context. Folders that are missing are made with ``mode``; None makes none. Raises
    ``OSError``, also for a link that must not be followed: its ``strerror`` then says which one.
    """
    walk = _Walk(path, context)
    try:
        yield walk.to_the_end(mode)
    finally:
        walk.close()


@contextmanager
def nearest_folder(path: str, context: str | None = None) -> Iterator[tuple[int, bool]]:
    """The last folder on ``path`` that exists, and whether it is the whole path. Otherwise as :func:`opened_folder`."""
    walk = _Walk(path, context)
    try:
        try:
            yield walk.to_the_end(None), True
        except FileNotFoundError:
            yield walk.here, False
    finally:
        walk.close()


def link_on(path: str, context: str | None = None) -> str:
    """Why ``path`` must not be used as a folder: the link on it that is not followed; empty without one."""
    try:
        with nearest_folder(path, context):
            return ""
    except OSError as error:
        return (error.strerror or "") if error.errno == errno.ELOOP else ""
    except ValueError:  # not a path at all
        return ""


def real_path(descriptor: int, otherwise: str) -> str:
    """The path of an open folder without any link, for programs that take a path; ``otherwise`` without ``/proc``."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return otherwise


@final
class _Walk:
    """One walk. ``_passed`` are the open folders from ``/`` to here, and whether each is foreign."""

    def __init__(self, path: str, context: str | None) -> None:
        if "\0" in path:
            raise ValueError("embedded null byte")
        self._path = path
        self._foreign = {identity for identity in map(_identity, _foreign_roots(context)) if identity is not None}
        self._parts = _parts(os.path.join(os.getcwd(), path))
        self._links = 0
        self._passed = [(os.open("/", _OPEN), False)]

    @property
    def here(self) -> int:
        return self._passed[-1][0]

    def close(self) -> None:
        while self._passed:
            os.close(self._passed.pop()[0])

    def to_the_end(self, mode: int | None) -> int:
        while self._parts:
            name = self._parts.pop()
            if name != os.pardir:
                self._enter(name, mode)
            elif len(self._passed) > 1:
                os.close(self._passed.pop()[0])
        return self.here

    def _enter(self, name: str, mode: int | None) -> None:
        try:
            descriptor = self._open(name, mode)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            self._follow(name, error)
            return
        self._passed.append((descriptor, self._passed[-1][1] or self._is_foreign(descriptor)))

    def _open(self, name: str, mode: int | None) -> int:
        try:
            return os.open(name, _OPEN, dir_fd=self.here)
        except FileNotFoundError:
            if mode is None:
                raise
        with suppress(FileExistsError):  # another process was faster; whether it is a folder is seen next
            os.mkdir(name, mode, dir_fd=self.here)
        return os.open(name, _OPEN, dir_fd=self.here)

    def _follow(self, name: str, error: OSError) -> None:
        try:
            target = os.readlink(name, dir_fd=self.here)
        except OSError:
            raise error from None  # not a link
        if self._passed[-1][1]:
            link = os.path.join(real_path(self.here, os.path.dirname(self._path)), name)
            why = f"{link} is a link inside the working copy or build context, which is never followed"
            raise OSError(errno.ELOOP, why)
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith("/"):
            while len(self._passed) > 1:
                os.close(self._passed.pop()[0])
        self._parts += _parts(target)

    def _is_foreign(self, descriptor: int) -> bool:
        status = os.stat(descriptor)
        if (status.st_dev, status.st_ino) in self._foreign:
            return True
        try:
            os.stat(".git", dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            return False
        return True


def _parts(path: str) -> list[str]:
    """The parts of a path, last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", os.curdir)]


def _foreign_roots(context: str | None) -> Iterator[str]:
    if context is not None:
        yield context or os.curdir
    # A container without a working directory of its own runs in "/": its links are the system's.
    if os.getcwd() != "/":
        yield os.curdir


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino)
