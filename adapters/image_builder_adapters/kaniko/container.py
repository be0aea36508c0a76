"""Our own container, whose files every build replaces: what of a build must not reach us, nor the next build.

Called where nothing else is started at the same time.
"""

import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from image_builder_adapters.kaniko import kernel

_WITHIN: Final = 2.0


def stand_apart() -> None:
    """Before a build: names of hosts are looked up as now, and what the build leaves running becomes our child.

    Afterwards ``/etc/nsswitch.conf`` is the image's, which could name a library of its own, or no DNS.
    """
    kernel.adopt_orphans()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "__nss_configure_lookup"):  # glibc: nss_database.c; others know no such file
        libc["__nss_configure_lookup"](b"hosts", b"files dns")


def end_leftovers() -> None:
    """After a build: end what its steps left running; each of them has a session or a group of its own."""
    end = time.monotonic() + _WITHIN
    while (left := _children()) and time.monotonic() < end:
        for process in left:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.005)


def _children() -> list[int]:
    me = str(os.getpid())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            # Number, name (which may hold anything) in brackets, state, parent: proc(5).
            if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == me:
                found.append(int(entry.name))
    return found
