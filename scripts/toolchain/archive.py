"""Source: the project's official release, checked against the pinned SHA-256 before anything is taken out of it."""

import hashlib
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from toolchain.pins import ArchiveSource, SourceError, Tool, machine

_SILENCE_SECONDS = 10
_unreachable: set[str] = set()


def fetch(tool: Tool, source: ArchiveSource, folder: Path) -> Mapping[str, Path]:
    """The tool's programs, in ``folder``."""
    if machine() not in source.sha256:
        raise SourceError(f"no release for {machine()}")
    arch = source.arch.get(machine(), machine())
    url = source.url.format(version=tool.version, arch=arch)
    download = folder / "download"
    _download(url, download)
    _compare(download, source.sha256[machine()], url)
    programs = {program: folder / program for program in tool.programs}
    release = _data_of(download) if url.endswith(".deb") else download
    for program, file in programs.items():
        _take_out(release, source.member.format(program=program), file)
        file.chmod(0o755)
    for made in {download, release}:
        made.unlink()
    return programs


def _download(url: str, file: Path) -> None:
    """Hosts that once did not answer are not asked again in this run."""
    host = urllib.parse.urlsplit(url).netloc
    if host in _unreachable:
        raise SourceError(f"{url}: {host} did not answer before")
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as answer, file.open("wb") as stream:
            shutil.copyfileobj(answer, stream)
    except urllib.error.HTTPError as error:
        raise SourceError(f"{url}: answer {error.code}") from error
    except OSError as error:
        _unreachable.add(host)
        raise SourceError(f"{url}: {getattr(error, 'reason', error)}") from error


def _compare(file: Path, expected: str, url: str) -> None:
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != expected:
        raise SourceError(f"{url}: SHA-256 is {actual}, but {expected} is pinned; nothing of it was used")


def _data_of(package: Path) -> Path:
    """The tar of a Debian package (``deb(5)``): members of an ``ar`` archive, each with a header of 60 bytes."""
    content, at = package.read_bytes(), 8
    while at + 60 <= len(content):
        name, size = content[at : at + 16].decode().rstrip(" /"), int(content[at + 48 : at + 58])
        if name.startswith("data.tar"):
            data = package.with_name("data.tar")
            data.write_bytes(content[at + 60 : at + 60 + size])
            return data
        at += 60 + size + size % 2
    raise SourceError("the package holds no data")


def _take_out(archive: Path, member: str, file: Path) -> None:
    if not member:
        shutil.copyfile(archive, file)
        return
    try:
        with tarfile.open(archive) as tar:
            content = tar.extractfile(member)
            if content is None:
                raise SourceError(f"{member} in the release is not a file")
            with content, file.open("wb") as stream:
                shutil.copyfileobj(content, stream)
    except (tarfile.TarError, KeyError) as error:
        raise SourceError(f"the release has no {member}: {error}") from error
