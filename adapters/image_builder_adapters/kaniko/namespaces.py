"""Namespaces, mounts and capabilities of a build's own root, by the kernel calls that Python 3.11 lacks.

Each kernel call raises ``OSError`` with the call's name. Numbers: ``linux/sched.h``, ``linux/mount.h``,
``linux/prctl.h``, ``linux/capability.h``. The lists of paths, devices and capabilities are the defaults of container
runtimes (OCI Runtime Specification, "Linux").
"""

import ctypes
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

NEW_USER: Final = 0x10000000
NEW_PID: Final = 0x20000000
_NEW_MOUNT: Final = 0x00020000
_NEW_IPC: Final = 0x08000000
_NEW_UTS: Final = 0x04000000
_NEW_CGROUP: Final = 0x02000000

_READ_ONLY: Final = 0x1
_NO_SUID: Final = 0x2
_NO_DEV: Final = 0x4
_NO_EXEC: Final = 0x8
_REMOUNT: Final = 0x20
_BIND: Final = 0x1000
_RECURSIVE: Final = 0x4000
_PRIVATE: Final = 0x40000
_RELATIME: Final = 0x200000
_DETACH: Final = 0x2
# A mount has these flags, and its copy in another user namespace must keep them. statvfs uses the same numbers.
_KEPT: Final = _NO_SUID | _NO_DEV | _NO_EXEC | os.ST_NOATIME | os.ST_NODIRATIME

_SET_DEATH_SIGNAL: Final = 1
_DROP_FROM_BOUNDS: Final = 24
_SET_CHILD_SUBREAPER: Final = 36
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217, "armv7l": 218}

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# Root inside may be root outside: only its user number would be enough to change the machine's settings.
_READ_ONLY_PROC: Final = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_MASKED_PROC: Final = (
    *("acpi", "asound", "kcore", "keys", "latency_stats"),
    *("timer_list", "timer_stats", "sched_debug", "scsi"),
)
_CAPABILITIES: Final = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_raw": 13,
    "sys_chroot": 18,
    "mknod": 27,
    "audit_write": 29,
    "setfcap": 31,
}

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def unshare(flags: int) -> None:
    """Move this process to new namespaces of these kinds. For ``NEW_PID`` the next child is the first process."""
    _check(_libc.unshare(flags), "unshare")


def die_with_parent(number: int) -> None:
    """Get this signal when the parent ends. The kernel forgets it when credentials change, so call this afterwards."""
    _prctl(_SET_DEATH_SIGNAL, number)


def adopt_orphans() -> None:
    """Become a child subreaper (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def enter_root(root: str, binds: Iterable[tuple[str, str, bool]], secret: tuple[str, bytes]) -> None:
    """Make ``root``, an empty folder, the root of this process in new namespaces, with few capabilities.

    ``binds`` are source outside, target inside, and whether the target is writable. ``secret`` is a path inside and its
    content, which only root can read, and which is in memory as long as the root is used. The process must be root of
    its user namespace and the first one of its process namespace. Afterwards it sees nothing else of the machine but
    the network.
    """
    unshare(_NEW_MOUNT | _NEW_IPC | _NEW_UTS | _NEW_CGROUP)
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)  # no mount propagates in either direction
    _bind(root, root)
    for source, target, is_writable in binds:
        _show(source, root + target, is_writable)
    _keep_in_memory(root + secret[0], secret[1])
    _mount_proc(f"{root}/proc")
    _mount_devices(f"{root}/dev")
    name = b"image-builder"
    _check(_libc.sethostname(name, len(name)), "sethostname")
    _pivot_root(root)
    _limit_capabilities()


def _show(source: str, target: str, is_writable: bool) -> None:
    is_folder = os.path.isdir(source)
    os.makedirs(target if is_folder else os.path.dirname(target), exist_ok=True)
    if not is_folder:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o644))
    _bind(source, target)
    if not is_writable:
        for place in _mounts_below(os.path.realpath(target)):
            _make_read_only(place)


def _keep_in_memory(path: str, content: bytes) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    _mount("tmpfs", folder, "tmpfs", _NO_SUID | _NO_DEV | _NO_EXEC, "mode=700,size=4m")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(content)
    _make_read_only(folder)


def _mounts_below(place: str) -> list[str]:
    with open("/proc/self/mountinfo", "rb") as file:
        points = [os.fsdecode(_unescaped(line.split(b" ")[4])) for line in file]
    return [point for point in points if point == place or point.startswith(f"{place}/")]


def _unescaped(path: bytes) -> bytes:
    for code, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        path = path.replace(code, byte)
    return path


def _mount_proc(proc: str) -> None:
    os.mkdir(proc)
    _mount("proc", proc, "proc", _NO_SUID | _NO_DEV | _NO_EXEC)
    for path in (f"{proc}/{name}" for name in _MASKED_PROC):
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", _READ_ONLY | _NO_SUID | _NO_DEV | _NO_EXEC, "size=0")
        elif os.path.exists(path):
            _bind(os.devnull, path)
    # A user namespace inside would give a step the capabilities that it lacks here. Old kernels lack the file.
    with suppress(OSError), open(f"{proc}/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
        file.write("0")
    for path in (f"{proc}/{name}" for name in _READ_ONLY_PROC):
        if os.path.exists(path):
            _bind(path, path)
            _make_read_only(path)


def _mount_devices(dev: str) -> None:
    os.mkdir(dev)
    _mount("tmpfs", dev, "tmpfs", _NO_SUID | _NO_EXEC, "mode=755,size=64k")
    for name in _DEVICES:
        _show(f"/dev/{name}", f"{dev}/{name}", is_writable=True)
    for name, target in _LINKS.items():
        os.symlink(target, f"{dev}/{name}")
    os.mkdir(f"{dev}/shm")
    _mount("tmpfs", f"{dev}/shm", "tmpfs", _NO_SUID | _NO_DEV | _NO_EXEC, "mode=1777,size=64m")
    os.mkdir(f"{dev}/pts")
    _mount("devpts", f"{dev}/pts", "devpts", _NO_SUID | _NO_EXEC, "newinstance,ptmxmode=0666")


def _pivot_root(root: str) -> None:
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"pivot_root is not known on {platform.machine()}")
    os.chdir(root)
    # The old root is put over the new one and then detached, so it needs no folder (pivot_root(2), NOTES).
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _limit_capabilities() -> None:
    """Drop all other capabilities from the bounding set, so that no executed program gets one, not even root's."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for number in set(range(last + 1)) - set(_CAPABILITIES.values()):
        _prctl(_DROP_FROM_BOUNDS, number)


def _bind(source: str, target: str) -> None:
    """Show ``source`` (a file, or a folder with the mounts below it) at ``target``, which is of the same kind."""
    _mount(source, target, None, _BIND | _RECURSIVE)


def _make_read_only(target: str) -> None:
    """Make one mount read-only and keep its other flags."""
    flags = os.statvfs(target).f_flag
    kept = flags & _KEPT | (_RELATIME if flags & os.ST_RELATIME else 0)
    _mount(None, target, None, _BIND | _REMOUNT | _READ_ONLY | kept)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(_libc.mount(*words, flags, os.fsencode(options)), f"mount {target}")


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
