"""The folders of a private daemon: a root that is kept between runs, and a private folder for its socket."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, final

from image_builder_adapters.safe_folder import opened_folder, real_path

TMP: Final = "/tmp"  # noqa: S108 (folders in it are made by mkdtemp, and no link is followed)
# `struct sockaddr_un` holds 108 bytes with the closing zero.
_LONGEST_SOCKET_PATH: Final = 107


@final
@dataclass(frozen=True, slots=True)
class DaemonFolders:
    """Made by :func:`open_folders`. ``lock`` is an open descriptor: its lock lasts until every process closed it."""

    runtime: str
    root: str
    lock: int | None

    @property
    def socket(self) -> str:
        """The socket's path, short enough for the kernel."""
        return f"{self.runtime}/buildkitd.sock"

    @property
    def is_kept(self) -> bool:
        """True if the root stays after the run."""
        return self.lock is not None

    def remove(self) -> None:
        """Remove what only this run uses."""
        if self.lock is not None:
            os.close(self.lock)
        shutil.rmtree(self.runtime, ignore_errors=True)


def open_folders(state_directory: str, environment: Mapping[str, str]) -> DaemonFolders:
    """Take ``<state_directory>/buildkit``, or a fresh root if another run holds it or it cannot be written."""
    runtime = _make_runtime(environment.get("TMPDIR") or TMP)
    lock, root = None, f"{runtime}/root"
    with suppress(OSError), opened_folder(state_directory, mode=0o700) as folder:
        lock = lock_file("buildkit.lock", folder)
        if lock is not None:
            root = os.path.join(real_path(folder, os.path.abspath(state_directory)), "buildkit")
    return DaemonFolders(runtime, root, lock)


def _make_runtime(parent: str) -> str:
    if len(os.fsencode(os.path.join(parent, "image-builder-12345678", "buildkitd.sock"))) > _LONGEST_SOCKET_PATH:
        parent = TMP
    return tempfile.mkdtemp(prefix="image-builder-", dir=os.path.abspath(parent))


def lock_file(name: str, folder: int | None = None) -> int | None:
    """A descriptor that holds an exclusive lock on the file. None if another process holds it.

    The daemon inherits the descriptor, so if this process is killed, the lock lasts until the daemon ends.
    """
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
