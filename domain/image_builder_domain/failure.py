"""How registries and the file system fail: the failures of the ports of registries and ``Artifacts``."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias, final


class _OfReference(ABC):
    """A failure about one reference."""

    __slots__ = ()
    reference: str

    @property
    @abstractmethod
    def description(self) -> str:
        """What is wrong, and what to do, without the reference."""

    def __str__(self) -> str:
        return f"{self.reference}: {self.description}"


@final
@dataclass(frozen=True, slots=True)
class NotFound(_OfReference):
    """The registry holds nothing under this reference (or hides it)."""

    reference: str

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        return "the registry does not hold it; check the name, and that you may read it"


@final
@dataclass(frozen=True, slots=True)
class AccessDenied(_OfReference):
    """The registry or its token service refused us."""

    reference: str
    reason: str

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        return f"access denied: {self.reason}; check the credentials in the Docker configuration file"


@final
@dataclass(frozen=True, slots=True)
class RegistryUnreachable(_OfReference):
    """No usable answer came, after retries."""

    reference: str
    reason: str

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        return f"no usable answer from the registry: {self.reason}; try again later"


@final
@dataclass(frozen=True, slots=True)
class BadAnswer(_OfReference):
    """The registry answered something that must not be trusted: wrong digest, unknown media type, oversized body."""

    reference: str
    reason: str

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        return f"the registry's answer cannot be trusted: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class BadCredentials:
    """An unusable Docker configuration file, or a credential helper that fails. Never holds any content."""

    path: str
    reason: str

    @property
    def description(self) -> str:
        """What is wrong, and what to do, with the file: this is not about a reference."""
        return f"{self.path}: {self.reason}; fix it, or remove it for anonymous access"

    def __str__(self) -> str:
        return self.description


RegistryFailure: TypeAlias = NotFound | AccessDenied | RegistryUnreachable | BadAnswer | BadCredentials


@final
@dataclass(frozen=True, slots=True)
class PushDenied(_OfReference):
    """The registry refuses a write. ``credentials`` is where they came from; empty when none were sent.

    It is None where other credentials would not help, because the registry does not accept such a write at all.
    ``reference`` is the repository, or the reference that was written. ``host`` is what ``docker login`` takes.
    """

    reference: str
    host: str
    reason: str
    credentials: str | None = ""

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        refused = f"the registry refuses the push: {self.reason}"
        if self.credentials is None:
            return refused
        if not self.credentials:
            return f"{refused}; no credentials for it were found: run 'docker login {self.host}'"
        return f"{refused}; check that the credentials from {self.credentials} may push to it"


@final
@dataclass(frozen=True, slots=True)
class BadLayout:
    """The folder with an image that was built cannot be pushed. Nothing was sent."""

    reason: str

    def __str__(self) -> str:
        return f"the image that was built cannot be read: {self.reason}; check that no build step changes its folder"


@final
@dataclass(frozen=True, slots=True)
class ArtifactFailure:
    """A log, report or output file could not be written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: cannot be written: {self.reason}; choose another place, or free some space"
