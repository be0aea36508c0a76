"""Source: a tar of a small Debian, made by the distribution's debootstrap, which is unpacked aside. Needs root."""

import os
import shlex
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from toolchain import debian
from toolchain.pins import DebianSource, DebootstrapSource, SourceError, Tool
from toolchain.run import run

_SECONDS = 900
_CA = "etc/ssl/certs/ca-certificates.crt"
_LEFT_OUT = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "var/cache/apt/",
    "var/lib/apt/lists/",
    "var/log/",
)
# debootstrap downloads by a program of this name, which a minimal system lacks.
_WGET = """
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[-1], timeout=60) as answer, open(sys.argv[sys.argv.index("-O") + 1], "wb") as file:
    shutil.copyfileobj(answer, file)
"""


def fetch(tool: Tool, source: DebootstrapSource, folder: Path) -> Mapping[str, Path]:
    """The tool's only program, which is a tar, in ``folder``."""
    if os.geteuid() != 0:
        raise SourceError("debootstrap needs root")
    [name] = tool.programs
    root = make(source, folder)
    _pack(root, folder / name)
    for left in (root, folder / "unpacked", folder / "bin"):
        shutil.rmtree(left)
    return {name: folder / name}


def make(source: DebootstrapSource, folder: Path) -> Path:
    """Make the small Debian in a new folder in ``folder``; gives that folder."""
    unpacked, root = debian.unpack(DebianSource("debootstrap", {}), folder), folder / "root"
    downloader = folder / "bin" / "wget"
    downloader.parent.mkdir()
    downloader.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(_WGET)} "$@"\n')
    downloader.chmod(0o755)
    path = os.pathsep.join((str(downloader.parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    environment = os.environ | {"DEBOOTSTRAP_DIR": str(unpacked / "usr/share/debootstrap"), "PATH": path}
    options = ["--variant=minbase", f"--include={','.join(source.packages)}"]
    program = unpacked / "usr/sbin/debootstrap"
    run([program, *options, source.suite, root, source.mirror], _SECONDS, folder, environment)
    return root


def _pack(root: Path, target: Path) -> None:
    if Path("/", _CA).exists():  # a proxy with a certificate authority of its own may lie between
        shutil.copy(Path("/", _CA), root / _CA)

    def chosen(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.name = member.name.removeprefix("./")
        return None if member.name.startswith(_LEFT_OUT) or member.ischr() or member.isblk() else member

    with tarfile.open(target, "w") as archive:
        archive.add(root, ".", filter=chosen)
