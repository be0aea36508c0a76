"""What is in the root of a build: nothing of the host but what is bound in, and what every container has.

Called in new mount, process, IPC, host-name and cgroup namespaces' first process. Source of the lists: OCI Runtime
Specification, "Linux", and the defaults of its users (masked and read-only paths of ``/proc``, capabilities).
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from image_builder_adapters.kaniko import kernel

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS: Final = (
    ("/proc/self/fd", "fd"),
    *((f"/proc/self/fd/{n}", f"std{s}") for n, s in enumerate(("in", "out", "err"))),
)
_NEW: Final = kernel.NEW_MOUNT | kernel.NEW_IPC | kernel.NEW_UTS | kernel.NEW_CGROUP
_INERT: Final = kernel.NO_SUID | kernel.NO_DEV | kernel.NO_EXEC
# Root inside may be root outside: by its number alone it could change the machine's settings.
_READ_ONLY_PROC: Final = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_MASKED_PROC: Final = (
    "acpi",
    "asound",
    "kcore",
    "keys",
    "latency_stats",
    "timer_list",
    "timer_stats",
    "sched_debug",
    "scsi",
)
_CAPABILITIES: Final = frozenset(
    {
        0,  # chown
        1,  # dac_override
        3,  # fowner
        4,  # fsetid
        5,  # kill
        6,  # setgid
        7,  # setuid
        8,  # setpcap
        10,  # net_bind_service
        13,  # net_raw
        18,  # sys_chroot
        27,  # mknod
        29,  # audit_write
        31,  # setfcap
    }
)


def build_root(root: str, binds: Iterable[tuple[str, str, bool]]) -> None:
    """Make ``root``, an empty folder, ours. Afterwards the process is in it and has no more than it needs there."""
    kernel.unshare(_NEW)
    kernel.keep_mounts_private()
    kernel.bind(root, root)
    for source, target, is_writable in binds:
        _bind(source, root + target, is_writable)
    _mount_proc(os.path.join(root, "proc"))
    _mount_devices(os.path.join(root, "dev"))
    kernel.set_host_name("image-builder")
    kernel.enter_root(root)
    kernel.limit_capabilities(_CAPABILITIES)


def _bind(source: str, target: str, is_writable: bool) -> None:
    _make_mount_point(target, os.path.isdir(source))
    kernel.bind(source, target)
    if not is_writable:
        for place in _mounts_below(os.path.realpath(target)):
            kernel.make_read_only(place)


def _make_mount_point(target: str, is_folder: bool) -> None:
    os.makedirs(target if is_folder else os.path.dirname(target), exist_ok=True)
    if not is_folder:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o644))


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
    kernel.mount("proc", proc, _INERT)
    for name in _MASKED_PROC:
        with suppress(FileNotFoundError):
            _mask(os.path.join(proc, name))
    # Nobody inside may get, by a user namespace of his own, what is kept from him here. Absent on old kernels.
    with suppress(OSError), open(os.path.join(proc, "sys/user/max_user_namespaces"), "w", encoding="ascii") as file:
        file.write("0")
    for name in _READ_ONLY_PROC:
        path = os.path.join(proc, name)
        if os.path.exists(path):
            kernel.bind(path, path)
            kernel.make_read_only(path)


def _mask(path: str) -> None:
    if os.path.isdir(path):
        kernel.mount("tmpfs", path, kernel.READ_ONLY | _INERT, "size=0")
    elif os.path.exists(path):
        kernel.bind(os.devnull, path)


def _mount_devices(dev: str) -> None:
    os.mkdir(dev)
    kernel.mount("tmpfs", dev, kernel.NO_SUID | kernel.NO_EXEC, "mode=755,size=64k")
    for name in _DEVICES:
        _bind(f"/dev/{name}", os.path.join(dev, name), is_writable=True)
    for source, name in _LINKS:
        os.symlink(source, os.path.join(dev, name))
    for name, kind, options in (("shm", "tmpfs", "mode=1777,size=64m"), ("pts", "devpts", "newinstance,ptmxmode=0666")):
        os.mkdir(os.path.join(dev, name))
        kernel.mount(
            kind, os.path.join(dev, name), kernel.NO_SUID | kernel.NO_EXEC | (kernel.NO_DEV * (name == "shm")), options
        )
    os.symlink("pts/ptmx", os.path.join(dev, "ptmx"))
