"""The kernel calls that Python 3.11 lacks, by libc: namespaces, mounts, process controls.

Each raises ``OSError`` with the call's own words. Numbers: ``linux/sched.h``, ``linux/mount.h``, ``linux/prctl.h``,
``linux/capability.h``.
"""

import ctypes
import os
import platform
from typing import Final

NEW_USER: Final = 0x10000000
NEW_PID: Final = 0x20000000
NEW_MOUNT: Final = 0x00020000
NEW_IPC: Final = 0x08000000
NEW_UTS: Final = 0x04000000
NEW_CGROUP: Final = 0x02000000

READ_ONLY: Final = 0x1
NO_SUID: Final = 0x2
NO_DEV: Final = 0x4
NO_EXEC: Final = 0x8
BIND: Final = 0x1000
RECURSIVE: Final = 0x4000
_REMOUNT: Final = 0x20
_PRIVATE: Final = 0x40000
_DETACH: Final = 0x2
# What a mount has and its copy in another user namespace must keep: statvfs calls them by the same numbers.
_KEPT: Final = NO_SUID | NO_DEV | NO_EXEC | os.ST_NOATIME | os.ST_NODIRATIME
_RELATIME: Final = 0x200000

_SET_DEATH_SIGNAL: Final = 1
_SET_CHILD_SUBREAPER: Final = 36
_DROP_FROM_BOUNDS: Final = 24
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217, "armv7l": 218}

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones (of ``NEW_PID``, the next child is the first inhabitant)."""
    _check(_libc.unshare(flags), "unshare")


def die_with_parent(number: int) -> None:
    """Get this signal when the parent dies. Lost when credentials change: to be called after that."""
    _check(_libc.prctl(_SET_DEATH_SIGNAL, number, 0, 0, 0), "prctl")


def adopt_orphans() -> None:
    """Become the parent of whoever below us loses his own."""
    _check(_libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def mount(kind: str, target: str, flags: int, options: str = "") -> None:
    """Mount a new file system of a kind."""
    _mount(kind, target, kind, flags, options)


def bind(source: str, target: str) -> None:
    """Show ``source`` (a file, or a folder with what is mounted below) at ``target``, which is of the same kind."""
    _mount(source, target, None, BIND | RECURSIVE)


def make_read_only(target: str) -> None:
    """Make one mount read-only; its other limits stay."""
    found = os.statvfs(target).f_flag
    kept = found & _KEPT | (_RELATIME if found & os.ST_RELATIME else 0)
    _mount(None, target, None, BIND | _REMOUNT | READ_ONLY | kept)


def keep_mounts_private() -> None:
    """From now on no mount is seen by others, nor do we see theirs."""
    _mount(None, "/", None, RECURSIVE | _PRIVATE)


def enter_root(root: str) -> None:
    """Make ``root``, a mount, the root of this mount namespace, and forget the old one."""
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"pivot_root is not known on {platform.machine()}")
    os.chdir(root)
    # The old root is put over the new one and then detached: no folder for it is needed (pivot_root(2), NOTES).
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def limit_capabilities(kept: frozenset[int]) -> None:
    """Whatever is executed from now on has at most these capabilities, root or not."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for number in set(range(last + 1)) - kept:
        _check(_libc.prctl(_DROP_FROM_BOUNDS, number, 0, 0, 0), "prctl")


def set_host_name(name: str) -> None:
    """Of this UTS namespace."""
    encoded = name.encode()
    _check(_libc.sethostname(encoded, len(encoded)), "sethostname")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(_libc.mount(*words, flags, os.fsencode(options)), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
