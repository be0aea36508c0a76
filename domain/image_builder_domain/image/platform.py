"""Platforms an image is built for: ``os/arch[/variant]``, as OCI image indexes name them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, final

from returns.result import Failure, Result, Success

SYSTEMS: Final = frozenset(
    [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "illumos",
        "ios",
        "js",
        "linux",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "wasip1",
        "wasi",
        "windows",
    ]
)
"""Operating systems: those that Go compiles for, which the OCI image specification refers to."""

ARCHITECTURES: Final = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm",
    ]
)
"""Architectures: those that Go compiles for."""

OTHER_NAMES: Final[Mapping[str, str]] = {
    "x86_64": "amd64",
    "x64": "amd64",
    "x86": "386",
    "i386": "386",
    "aarch64": "arm64",
    "armv7": "arm",
    "armhf": "arm",
    "macos": "darwin",
}
"""What people call them otherwise."""

_PLATFORM = re.compile(r"([a-z0-9]+)/([a-z0-9_]+)(?:/([a-z0-9.]+))?")


@final
@dataclass(frozen=True, slots=True)
class MalformedPlatform:
    """A text that is not a platform."""

    text: str

    def __str__(self) -> str:
        return f"{self.text!r} is not a platform; write os/arch or os/arch/variant, such as linux/amd64 or linux/arm/v7"


@final
@dataclass(frozen=True, slots=True)
class Platform:
    """One platform. Made by :meth:`parse`."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedPlatform]:
        """Accept ``os/arch[/variant]`` in lower case; whether the engine can build it is not checked."""
        match = _PLATFORM.fullmatch(text)
        return Success(cls(match[1], match[2], match[3])) if match else Failure(MalformedPlatform(text))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
