"""A small Debian to build images from, and containers to run them in; both need root."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import pytest

from tests.programs import require, unavailable
from toolchain import debian, pins, store

SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
PACKAGES = ("ca-certificates", "libcap2-bin", "python3", "python3-pip", "uidmap")
NOTHING: Mapping[str, str] = {}
_CA = "etc/ssl/certs/ca-certificates.crt"
_LEFT_OUT = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "var/cache/apt/",
    "var/lib/apt/lists/",
    "var/log/",
)
# What a container usually has (OCI Runtime Specification, "Linux": every one of its users has this list).
_CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *(
        "CAP_SETUID",
        "CAP_SETFCAP",
        "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE",
        "CAP_SYS_CHROOT",
        "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ),
)


def debian_tarball() -> Path:
    """A tar of a minimal Debian with Python, made by debootstrap once and kept in the user's cache."""
    if os.geteuid() != 0:
        pytest.skip("making a small Debian needs root")
    name = hashlib.sha256(repr((SUITE, PACKAGES, _LEFT_OUT)).encode()).hexdigest()[:12]
    kept = store.default_root().parent / "bases" / f"{SUITE}-{name}.tar"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        workshop = kept.with_suffix(f".{os.getpid()}")
        workshop.mkdir()
        try:
            _debootstrap(workshop)
            _pack(workshop / "root", workshop / "made.tar")
            (workshop / "made.tar").rename(kept)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return kept


def _debootstrap(folder: Path) -> None:
    try:
        unpacked = debian.unpack(pins.DebianSource("debootstrap", {}), folder)
    except pins.SourceError as error:
        unavailable(f"debootstrap cannot be had here: {error}")
    program, scripts = unpacked / "usr/sbin/debootstrap", unpacked / "usr/share/debootstrap"
    command = [
        str(program),
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(folder / "root"),
        MIRROR,
    ]
    done = subprocess.run(
        command, env=os.environ | {"DEBOOTSTRAP_DIR": str(scripts)}, capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        unavailable(f"a small Debian cannot be had here: {(done.stdout + done.stderr)[-500:]}")


def _pack(root: Path, target: Path) -> None:
    if Path("/", _CA).exists():  # the network here may be reached through somebody who signs for himself
        shutil.copy(Path("/", _CA), root / _CA)

    def chosen(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if member.name.startswith(_LEFT_OUT) or member.ischr() or member.isblk() else member

    with tarfile.open(target, "w") as archive:
        archive.add(root, ".", filter=lambda member: chosen(_relative(member)))


def _relative(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.name = member.name.removeprefix("./")
    return member


@final
@dataclass(slots=True)
class Container:
    """An image's files as the root of a container, as runc runs it: on the machine's network, else by itself."""

    folder: Path
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]
    user: tuple[int, int] = (0, 0)
    mounts: dict[str, tuple[Path, bool]] = field(default_factory=dict)
    working_directory: str = "/"
    capabilities: tuple[str, ...] = _CAPABILITIES

    @property
    def root(self) -> Path:
        """Its root, as seen from outside."""
        return self.folder / "root"

    def start(
        self, *arguments: str, program: tuple[str, ...] = (), environment: Mapping[str, str] = NOTHING
    ) -> "subprocess.Popen[str]":
        """Start its entry point, or another program, as the first process."""
        command = [*(program or self.entrypoint), *arguments]
        (self.folder / "config.json").write_text(json.dumps(self._configuration(command, environment)))
        number = len(list(self.folder.glob("state-*")))
        state = self.folder / f"state-{number}"
        state.mkdir()
        runc = [
            require("runc"),
            "--root",
            str(state),
            "run",
            "--bundle",
            str(self.folder),
            f"ib-{os.getpid()}-{number}",
        ]
        return subprocess.Popen(
            runc,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def run(
        self, *arguments: str, program: tuple[str, ...] = (), environment: Mapping[str, str] = NOTHING
    ) -> tuple[int, str]:
        """Exit code and output."""
        process = self.start(*arguments, program=program, environment=environment)
        out, _ = process.communicate(timeout=280)
        return process.returncode, out

    def _configuration(self, command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
        names = ("pid", "ipc", "uts", "mount", "cgroup")
        variables = [f"{name}={value}" for name, value in {**self.environment, **environment}.items()]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": self.user[0], "gid": self.user[1]},
                "args": command,
                "env": variables,
                "cwd": self.working_directory,
                "noNewPrivileges": False,
                "capabilities": {
                    "bounding": self.capabilities,
                    **(dict.fromkeys(("effective", "permitted"), self.capabilities) if self.user[0] == 0 else {}),
                },
            },
            "root": {"path": "root", "readonly": False},
            "hostname": "pod",
            "mounts": [*_SYSTEM, *self._binds()],
            "linux": {"namespaces": [{"type": name} for name in names], **_HIDDEN},
        }

    def _binds(self) -> list[dict[str, Any]]:
        files = {f"/etc/{name}": (Path("/etc", name), False) for name in ("resolv.conf", "hosts")}
        return [
            {
                "destination": target,
                "source": str(source.resolve()),
                "type": "bind",
                "options": ["rbind", "rw" if writable else "ro"],
            }
            for target, (source, writable) in {**files, **self.mounts}.items()
        ]


_SYSTEM = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "mode=1777"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {
        "destination": "/sys/fs/cgroup",
        "type": "cgroup",
        "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    },
]

# What every engine of containers hides of the machine. A user namespace inside cannot mount /proc anew for that.
_HIDDEN = {
    "maskedPaths": [
        *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"),
        *("/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware"),
    ],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}


def unpack_image(layers: list[bytes], root: Path) -> None:
    """Put an image's layers over each other."""
    root.mkdir(parents=True)
    for number, layer in enumerate(layers):
        file = root.parent / f"layer-{number}.tar"
        file.write_bytes(layer)
        subprocess.run(
            ["tar", "--extract", "--numeric-owner", "--same-permissions", "--xattrs-include=*", "-f", file, "-C", root],
            check=True,
        )
        file.unlink()
        for white in root.rglob(".wh.*"):
            target = white.with_name(white.name.removeprefix(".wh."))
            white.unlink()
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)


def tell(text: str) -> None:
    """A figure for whoever reads the run's output."""
    print(f"\n{text}", file=sys.__stderr__)
