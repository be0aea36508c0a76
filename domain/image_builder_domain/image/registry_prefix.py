"""Registry prefixes: a registry host with an optional path, below which images are pushed."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, final

from returns.result import Failure, Result, Success

from image_builder_domain.image.reference import DOCKER_HUB, ImageReference, MalformedReference, Repository


@final
@dataclass(frozen=True, slots=True)
class RegistryPrefix:
    """A checked entry of ``registry``, ``dev-registry`` or a cache repository. ``text`` is as the user wrote it."""

    text: str
    domain: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedReference]:
        """Accept ``host``, ``host/path`` or Docker Hub's ``path``; no scheme, tag, digest or trailing slash."""
        # Two components keep Docker Hub's "library/" from appearing, for any prefix.
        whole = Repository.parse(f"{text}/x/y").alt(lambda problem: MalformedReference(text, problem.reason))
        return whole.map(lambda found: cls(text, found.domain, found.path[: -len("/x/y")]))

    def repository(self, name: str) -> Result[Repository, MalformedReference]:
        """The repository of an image name below this prefix; anything that leaves the prefix is refused."""
        whole = Repository.parse(f"{self.text}/{name}").alt(lambda problem: MalformedReference(name, problem.reason))
        return whole.bind(
            lambda found: (
                Success(found)
                if self.contains(found)
                else Failure(MalformedReference(name, f"it would leave the registry {self.text}"))
            )
        )

    def contains(self, repository: Repository) -> bool:
        """True for a repository at or below this prefix; hosts compare as the registry client takes them."""
        return f"{_host(repository.domain)}/{repository.path}/".startswith(self._comparable)

    def overlaps(self, other: "RegistryPrefix") -> bool:
        """True when one is equal to, above or below the other."""
        return self.lies_below(other) or other.lies_below(self)

    def lies_below(self, other: "RegistryPrefix") -> bool:
        """True when this is equal to or below the other."""
        return self._comparable.startswith(other._comparable)

    @property
    def is_loopback(self) -> bool:
        """True where only this machine can reach it."""
        return Repository(self.domain, self.path).is_loopback

    @property
    def _comparable(self) -> str:
        return f"{_host(self.domain)}/{self.path}/" if self.path else f"{_host(self.domain)}/"


_HUB_HOSTS = frozenset([DOCKER_HUB, "docker.io", "registry-1.docker.io"])


_PLACE = re.compile(r"(\[.*\]|[^:]*)(?::0*([0-9]*))?")


def _host(domain: str) -> str:
    """One form of a host: lower case, a port as a number unless it is the default, an IPv6 address by its value."""
    found = _PLACE.fullmatch(domain.lower())
    name, port = found.groups() if found is not None else (domain, None)
    if name.startswith("["):
        from ipaddress import ip_address  # takes milliseconds, and is seldom needed

        with suppress(ValueError):
            name = f"[{ip_address(name[1:-1])}]"
    host = name if port in (None, "443") else f"{name}:{port}"
    return DOCKER_HUB if host in _HUB_HOSTS else host


def image_reference(repository: Repository, tag: str) -> ImageReference:
    """A checked repository with a checked tag."""
    return ImageReference(repository, tag, None, str(repository))
