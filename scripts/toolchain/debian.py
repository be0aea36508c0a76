"""Source: a package of a Debian-like distribution, unpacked aside. Needs no root and changes nothing in the system."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from toolchain.pins import DebianSource, SourceError, Tool
from toolchain.run import run

_SECONDS = 300
_NETWORK = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10"]


def fetch(tool: Tool, source: DebianSource, folder: Path) -> Mapping[str, Path]:
    """The tool's programs, in ``folder``."""
    unpacked = unpack(source, folder)
    return {program: _first(unpacked, source.files[program]) for program in tool.programs}


def unpack(source: DebianSource, folder: Path) -> Path:
    """The package's files below a folder in ``folder``; apt checks the distribution's signature and checksum."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise SourceError(f"no {program} here")
    download = folder / "package"
    download.mkdir()
    try:
        _apt(download, ["download", source.package])
    except SourceError:  # on a fresh machine the lists of packages are empty
        private = _private_lists(folder / "apt")
        _apt(download, [*private, "update"])
        _apt(download, [*private, "download", source.package])
    package = next(download.glob("*.deb"))
    unpacked = folder / "unpacked"
    run(["dpkg-deb", "-x", package, unpacked], _SECONDS, folder, os.environ)
    for left in (download, folder / "apt"):
        shutil.rmtree(left, ignore_errors=True)
    return unpacked


def _apt(where: Path, arguments: list[str]) -> None:
    run(["apt-get", "--quiet", *_NETWORK, *arguments], _SECONDS, where, os.environ)


def _private_lists(folder: Path) -> list[str]:
    """Options that make apt keep its lists in ``folder``, so that an ordinary user may update them."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    status = "Dir::State::status=/var/lib/dpkg/status"
    return ["-o", f"Dir::State={folder / 'state'}", "-o", status, "-o", f"Dir::Cache={folder / 'cache'}"]


def _first(unpacked: Path, places: list[str]) -> Path:
    for place in places:
        if (unpacked / place).is_file():
            return unpacked / place
    raise SourceError(f"the package holds none of {', '.join(places)}")
