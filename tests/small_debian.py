"""A small Debian to build images from, and containers to run them in. Both need root."""

import io
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

from tests.programs import require, require_file, require_root

NOTHING: Mapping[str, str] = {}
_ATTRIBUTE = "SCHILY.xattr."
# The default of container runtimes (OCI Runtime Specification, "Linux").
_CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"),
    "CAP_AUDIT_WRITE",
)


def debian_tarball() -> Path:
    """A tar of a minimal Debian with Python."""
    require_root("containers with identities of their own, from the images' layers")
    return require_file("small-debian.tar")


@final
@dataclass(slots=True)
class Container:
    """A container of runc whose root is an image's files. It shares only the machine's network."""

    folder: Path
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]
    user: tuple[int, int] = (0, 0)
    mounts: dict[str, tuple[Path, bool]] = field(default_factory=dict)
    working_directory: str = "/"
    capabilities: tuple[str, ...] = _CAPABILITIES

    @property
    def root(self) -> Path:
        """The path of its root on the machine."""
        return self.folder / "root"

    def start(
        self, *arguments: str, program: tuple[str, ...] = (), environment: Mapping[str, str] = NOTHING
    ) -> subprocess.Popen[str]:
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
        null, pipe = subprocess.DEVNULL, subprocess.PIPE
        return subprocess.Popen(runc, stdin=null, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace")

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

# Container runtimes hide these paths. Because of that, a user namespace inside cannot mount /proc again.
_HIDDEN = {
    "maskedPaths": [
        *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"),
        *("/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware"),
    ],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}


def unpack_image(layers: list[bytes], root: Path) -> None:
    """Unpack an image's layers in order."""
    root.mkdir(parents=True)
    for layer in layers:
        _unpack_layer(layer, root)
        for white in root.rglob(".wh.*"):
            target = white.with_name(white.name.removeprefix(".wh."))
            white.unlink()
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)


def _unpack_layer(layer: bytes, root: Path) -> None:
    """With owners, permissions and extended attributes, which hold the capabilities of files."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        archive.extraction_filter = lambda member, _: member  # the layer is our own
        for member in archive:
            place = root / member.name
            if place.is_symlink() or place.is_file():
                place.unlink()
            archive.extract(member, root, numeric_owner=True)
            for name, value in member.pax_headers.items():
                if name.startswith(_ATTRIBUTE):
                    content = value.encode("utf-8", "surrogateescape")
                    os.setxattr(place, name.removeprefix(_ATTRIBUTE), content, follow_symlinks=False)


def tell(text: str) -> None:
    """Print a figure to the terminal, even though pytest captures output."""
    print(f"\n{text}", file=sys.__stderr__)
