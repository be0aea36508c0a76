"""How registries and the file system fail: the failures of the ports ``Registry``, ``Referrers`` and ``Artifacts``."""

from dataclasses import dataclass
from typing import TypeAlias, final


@final
@dataclass(frozen=True, slots=True)
class NotFound:
    """The registry holds nothing under this reference (or hides it)."""

    reference: str

    def __str__(self) -> str:
        return f"{self.reference}: the registry does not hold it; check the name, and that you may read it"


@final
@dataclass(frozen=True, slots=True)
class AccessDenied:
    """The registry or its token service refused us."""

    reference: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reference}: access denied: {self.reason}; check the credentials in the Docker configuration file"


@final
@dataclass(frozen=True, slots=True)
class RegistryUnreachable:
    """No usable answer came, after retries."""

    reference: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reference}: no usable answer from the registry: {self.reason}; try again later"


@final
@dataclass(frozen=True, slots=True)
class BadAnswer:
    """The registry answered something that must not be trusted: wrong digest, unknown media type, oversized body."""

    reference: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reference}: the registry's answer cannot be trusted: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class BadCredentials:
    """An unusable Docker configuration file, or a credential helper that fails. Never holds any content."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; fix it, or remove it for anonymous access"


RegistryFailure: TypeAlias = NotFound | AccessDenied | RegistryUnreachable | BadAnswer | BadCredentials


@final
@dataclass(frozen=True, slots=True)
class ArtifactFailure:
    """A log, report or output file could not be written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: cannot be written: {self.reason}; choose another place, or free some space"
