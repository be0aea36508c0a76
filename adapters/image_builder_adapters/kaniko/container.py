"""Our own container, where the tool lives below ``/kaniko``: the executor overwrites everything that is not mounted.

After a build a program from any other folder is gone, or is a file of the image that was built, which must never run
with our secrets.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from image_builder_adapters.kaniko.environment import KANIKO
from image_builder_adapters.process import search_path

OWN_FILES = (sys.executable, sys.prefix, __file__)
"""Paths of the tool itself."""

_END_WITHIN: Final = 2.0


def is_in_our_container(executor: str, own_files: tuple[str, ...] = OWN_FILES) -> bool:
    """True if the executor, the tool and everything that the tool runs from lie below ``/kaniko``."""
    return all(os.path.realpath(path).startswith(f"{KANIKO}/") for path in (executor, *own_files))


def executor_path(environment: Mapping[str, str]) -> str:
    """The path of kaniko's executor, which need not exist."""
    return os.path.abspath(environment.get("KANIKO_EXECUTOR") or f"{KANIKO}/executor")


def lasting_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment. In our own container its ``PATH`` has only the folders that survive a build."""
    if not is_in_our_container(executor_path(environment)):
        return environment
    return {**environment, "PATH": lasting_path(search_path(environment))}


def lasting_path(path: str) -> str:
    """The folders of a ``PATH`` that survive a build: those below ``/kaniko`` or on a file system of their own."""
    return os.pathsep.join(filter(_survives, path.split(os.pathsep))) or f"{KANIKO}/bin"


def prepare_for_build() -> None:
    """Adopt what a build leaves running, and keep the rules for host names. Call it while nothing else is started.

    After the build ``/etc/nsswitch.conf`` is the image's. It could name a library of the image, or no DNS.
    """
    import ctypes

    from image_builder_adapters.kaniko.namespaces import adopt_orphans

    adopt_orphans()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "__nss_configure_lookup"):  # glibc (nss_database.c); other libraries do not read that file
        libc["__nss_configure_lookup"](b"hosts", b"files dns")


def end_leftovers() -> None:
    """End what the steps of a build left running: every child, for each has a session or a group of its own."""
    end = time.monotonic() + _END_WITHIN
    while (left := _children()) and time.monotonic() < end:
        for process in left:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.005)


def _survives(folder: str) -> bool:
    if not os.path.isabs(folder):
        return False
    if f"{os.path.normpath(folder)}/".startswith(f"{KANIKO}/"):
        return True
    try:
        return os.stat(folder).st_dev != os.stat("/").st_dev
    except OSError:
        return False


def _children() -> list[int]:
    own = str(os.getpid())
    children = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            # Number, name in brackets (which may hold any character), state, parent: proc(5).
            if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == own:
                children.append(int(entry.name))
    return children
