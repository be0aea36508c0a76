"""How registries and the file system fail: the failures of the ports of registries and ``Artifacts``."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
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


class Denial(Enum):
    """Why a registry gives no access."""

    NO_CREDENTIALS = "no credentials were found"
    WRONG_CREDENTIALS = "the credentials are refused"
    NO_RIGHTS = "the credentials give no right"
    OTHER = "something else"


@final
@dataclass(frozen=True, slots=True)
class Login:
    """What a message says about the credentials for a registry; never a secret.

    ``host`` is what ``docker login`` takes. ``source`` is the entry or helper that gave the credentials; empty if there
    are none. ``searched`` names the places where they were looked for.
    """

    host: str
    source: str = ""
    searched: str = ""

    @property
    def command(self) -> str:
        """The command that stores credentials."""
        return f"'docker login {self.host}'"

    @property
    def absence(self) -> str:
        """That there are none, and where they were looked for."""
        return f"no credentials for {self.host} were found (searched: {self.searched})"


@final
@dataclass(frozen=True, slots=True)
class NotFound(_OfReference):
    """The registry holds nothing under this reference (or hides it). ``reason`` quotes the registry.

    Two are equal if they are about the same reference.
    """

    reference: str
    reason: str = field(default="", compare=False)
    login: Login | None = field(default=None, compare=False)

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        missing = f"the registry does not hold it{f' ({self.reason})' if self.reason else ''}"
        if self.login is None:
            return f"{missing}; check the name, and that you may read it"
        if self.login.source:
            return f"{missing}; check the name, and that the credentials from {self.login.source} may read it"
        return f"{missing}; check the name; if it is private, run {self.login.command}"


@final
@dataclass(frozen=True, slots=True)
class AccessDenied(_OfReference):
    """The registry or its token service refused us. ``reason`` quotes it."""

    reference: str
    reason: str
    denial: Denial = Denial.OTHER
    login: Login | None = None

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        login = self.login
        if login is None:
            return f"access denied: {self.reason}; check the credentials for this registry"
        match self.denial:
            case Denial.NO_CREDENTIALS:
                return f"a login is required: {self.reason}; {login.absence}; run {login.command}"
            case Denial.WRONG_CREDENTIALS:
                source = f"the registry refuses the credentials from {login.source}"
                return f"{source}: {self.reason}; fix that entry, or run {login.command} again"
            case Denial.NO_RIGHTS:
                source = f"the credentials from {login.source} give no right to read it"
                return f"{source}: {self.reason}; ask for that right, or run {login.command} with another account"
            case Denial.OTHER:
                return f"access denied: {self.reason}; check the credentials for {login.host}"


@final
@dataclass(frozen=True, slots=True)
class RegistryUnreachable(_OfReference):
    """No usable answer came, after retries. ``hint`` says what to do."""

    reference: str
    reason: str
    hint: str = "try again later"

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        return f"no usable answer from the registry: {self.reason}; {self.hint}"


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
    ``searched`` names the places where credentials were looked for.
    """

    reference: str
    host: str
    reason: str
    credentials: str | None = ""
    denial: Denial = Denial.NO_RIGHTS
    searched: str = ""

    @property
    def description(self) -> str:
        """What is wrong, and what to do."""
        refused = f"the registry refuses the push: {self.reason}"
        if self.credentials is None:
            return refused
        login = Login(self.host, self.credentials, self.searched)
        if not self.credentials:
            return f"{refused}; {login.absence}: run {login.command}"
        if self.denial is Denial.WRONG_CREDENTIALS:
            return f"{refused}; fix the credentials from {self.credentials}, or run {login.command} again"
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
