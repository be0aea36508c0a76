"""Platforms an image is built for: ``os/arch[/variant]``, as OCI image indexes name them."""

import re
from dataclasses import dataclass
from typing import Self, final

from returns.result import Failure, Result, Success

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
