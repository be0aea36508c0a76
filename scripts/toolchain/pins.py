"""The pins of ``tools.toml`` as values; what each field means is written at the top of that file."""

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Version = tuple[int, ...]

_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class SourceError(Exception):
    """One source could not give the tool; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Flags:
    """How to list a program's flags, and the flags that must be there."""

    help: list[str]
    needs: list[str]


@dataclass(frozen=True, slots=True)
class PathSource:
    """What makes a program that is there already good enough; without ``minimum`` it is not asked for its version."""

    minimum: Version | None = None
    ask: list[str] = field(default_factory=lambda: ["--version"])
    says: str = r"(\d+\.\d+(?:\.\d+)*)"
    static: bool = False
    maps_identities: bool = False
    flags: Mapping[str, Flags] = field(default_factory=dict)
    names: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A release file: a tar or a Debian package with ``member``, or without it the program itself."""

    url: str
    sha256: Mapping[str, str]
    member: str = ""
    arch: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GoSource:
    """A module, the package of each program in it, and the variable that a release build fills with the version.

    ``upgrades`` are modules (``path@version``) that must be newer than upstream's ``go.mod`` says. ``files`` are
    programs that lie in the module as they are; they are not compiled.
    """

    module: str
    package: str = ""
    version_variable: str = ""
    upgrades: list[str] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A project of the Python index, the hashes that its file may have, and where the programs are in it."""

    project: str
    sha256: list[str]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DebianSource:
    """A package of the distribution, and the places where a program may be in it."""

    package: str
    files: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class DebootstrapSource:
    """A tar of a small Debian: its suite, where it comes from, and the packages beside the minimum."""

    suite: str
    mirror: str
    packages: list[str]


@dataclass(frozen=True, slots=True)
class Tool:
    """One entry of the file."""

    name: str
    needed: list[str]
    programs: list[str]
    install: str
    path: PathSource
    version: str = ""
    applets: list[str] = field(default_factory=list)
    archive: ArchiveSource | None = None
    go: GoSource | None = None
    wheel: WheelSource | None = None
    debian: DebianSource | None = None
    debootstrap: DebootstrapSource | None = None

    @property
    def can_be_brought(self) -> bool:
        """Whether it has a source; else it must be there."""
        return any((self.archive, self.go, self.wheel, self.debian, self.debootstrap))


def load(file: Path) -> dict[str, Tool]:
    """Every tool of ``file`` by name, in its order. A mistake in the file is a ``TypeError`` or ``KeyError``."""
    entries = _read(file)
    return {name: _tool(name, entry) for name, entry in entries.items() if name != "parts"}


def load_parts(file: Path) -> dict[str, list[str]]:
    """What each part of ``tox.ini``, and each of our scripts, runs."""
    parts: dict[str, list[str]] = _read(file)["parts"]
    return parts


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        return tomllib.load(stream)


def parse_version(text: str) -> Version:
    """``1.26.5`` as numbers that compare."""
    return tuple(int(part) for part in text.split("."))


def machine() -> str:
    """This machine's architecture by Go's name."""
    return _GO_NAMES.get(platform.machine(), platform.machine())


def _tool(name: str, entry: dict[str, Any]) -> Tool:
    kinds = {
        "archive": ArchiveSource,
        "wheel": WheelSource,
        "debian": DebianSource,
        "debootstrap": DebootstrapSource,
    }
    sources: dict[str, Any] = {kind: make(**entry.pop(kind)) for kind, make in kinds.items() if kind in entry}
    if "go" in entry:
        sources["go"] = GoSource(**{key.replace("-", "_"): value for key, value in entry.pop("go").items()})
    return Tool(name=name, path=_path(entry.pop("path", {})), **sources, **entry)


def _path(entry: dict[str, Any]) -> PathSource:
    flags = {program: Flags(**value) for program, value in entry.pop("flags", {}).items()}
    minimum = parse_version(entry.pop("minimum")) if "minimum" in entry else None
    return PathSource(minimum=minimum, flags=flags, **{key.replace("-", "_"): value for key, value in entry.items()})
