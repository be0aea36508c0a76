"""References to images: ``registry/path:tag@digest``.

Grammar: OCI Distribution Specification, "Pulling manifests", and the normalisation that every container tool shares:
the part before the first ``/`` is a domain only if it holds ``.`` or ``:`` or is ``localhost``; else the domain is
Docker Hub's.
"""

import re
from dataclasses import dataclass, replace
from typing import Self, final

from returns.result import Failure, Result, Success

DOCKER_HUB = "index.docker.io"

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]{2,45}\])"
    r"(?::[0-9]{1,5})?"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
PREFIX_PATTERN = rf"^(?:(?=[^/]*[.:]){_DOMAIN.pattern}|{_COMPONENT.pattern})(?:/{_COMPONENT.pattern})*$"
"""What a repository may begin with, for a JSON Schema: a domain with a path or without, or Docker Hub's path."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LOOPBACK = r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
_MOST_SHOWN = 300
_LONGEST_REPOSITORY = 255


@final
@dataclass(frozen=True, slots=True)
class MalformedReference:
    """A text that cannot name an image, repository, tag or digest."""

    text: str
    reason: str

    def __str__(self) -> str:
        return f"{_shown(self.text)!r} is not an image reference: {self.reason}"


def _shown(text: str) -> str:
    """The text without what may be a password (``user:password@``, ``//user@``), and no longer than a line or two."""
    pieces = text.split("@", _MOST_SHOWN)  # the rest is cut off anyway
    hidden = "@".join((*map(_without_userinfo, pieces[:-1], pieces[1:]), pieces[-1]))
    return hidden if len(hidden) <= _MOST_SHOWN else f"{hidden[:_MOST_SHOWN]}..."


def _without_userinfo(before: str, after: str) -> str:
    """``before`` an ``@``: its last word is userinfo after ``//``, and with a colon unless ``after`` is a digest."""
    start = max(before.rfind("/"), *(before.rfind(blank) for blank in " \t\n\r")) + 1
    word = before[start:]
    is_secret = (":" in word and not after.startswith("sha256:")) or (word and before[:start].endswith("//"))
    return f"{before[:start]}***" if is_secret else before


@final
@dataclass(frozen=True, slots=True)
class Digest:
    """Names exact bytes. Made by :meth:`parse`; the bare constructor checks nothing."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedReference]:
        """Accept ``sha256:<64 lower-case hex>`` only; nothing is trimmed or folded."""
        if _SHA256.fullmatch(text):
            return Success(cls(text))
        return Failure(MalformedReference(text, "a digest is 'sha256:' and 64 lower-case hexadecimal digits"))

    @property
    def hexadecimal(self) -> str:
        """The 64 hexadecimal digits, without the algorithm."""
        return self.text.removeprefix("sha256:")

    def __str__(self) -> str:
        return self.text


@final
@dataclass(frozen=True, slots=True)
class Repository:
    """A registry's domain (with port) and a path below it, normalised: ``alpine`` is Hub's ``library/alpine``."""

    domain: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedReference]:
        """Accept ``[domain/]path`` without tag or digest; at most 255 characters in all."""
        head, slash, tail = text.partition("/")
        has_domain = bool(slash) and ("." in head or ":" in head or head == "localhost")
        domain, path = (head, tail) if has_domain else (DOCKER_HUB, text)
        if domain == "docker.io":
            domain = DOCKER_HUB
        if domain == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        reason = _repository_problem(domain, path)
        return Failure(MalformedReference(text, reason)) if reason else Success(cls(domain, path))

    @property
    def is_loopback(self) -> bool:
        """True for exactly ``localhost``, 127.0.0.0/8 and ``[::1]``: the only registries reached by plain http."""
        return re.fullmatch(_LOOPBACK, self.domain) is not None

    def __str__(self) -> str:
        return f"{self.domain}/{self.path}"


def _repository_problem(domain: str, path: str) -> str:
    if domain.endswith(":") and path.startswith("/"):  # "https://…" was split at its first slash
        return "leave out the scheme"
    if len(domain) + 1 + len(path) > _LONGEST_REPOSITORY:  # first: what comes below takes time for longer ones
        return f"a repository has at most {_LONGEST_REPOSITORY} characters"
    if not _DOMAIN.fullmatch(domain):
        return f"{domain!r} is not a registry host"
    if not path:
        return "a repository path is missing"
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            return (
                f"the path component {component!r} is not made of lower-case letters and digits, "
                "joined by '.', '_', '__' or '-'"
            )
    return ""


@final
@dataclass(frozen=True, slots=True)
class ImageReference:
    """A repository with a tag, a digest or both; with both the digest decides.

    ``written`` is the repository as the user wrote it (``alpine``), for protocols that want it so.
    """

    repository: Repository
    tag: str | None
    digest: Digest | None
    written: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedReference]:
        """Accept ``repository:tag``, ``repository@digest`` or both; neither is refused, ``latest`` is never assumed."""
        rest, at, digest_text = text.rpartition("@")
        rest = rest if at else text
        slash, colon = rest.rfind("/"), rest.rfind(":")
        name, tag = (rest[:colon], rest[colon + 1 :]) if colon > slash else (rest, None)
        if tag is not None and not is_tag(tag):
            return Failure(MalformedReference(text, f"{_shown(tag)!r} is not a tag: {TAG_RULE}"))
        if tag is None and not at:
            return Failure(MalformedReference(text, "a tag or a digest is required"))
        repository = Repository.parse(name).alt(lambda problem: MalformedReference(text, problem.reason))
        if not at:
            return repository.map(lambda found: cls(found, tag, None, name))
        return Result.do(
            cls(found, tag, digest, name)
            for found in repository
            for digest in Digest.parse(digest_text).alt(lambda problem: MalformedReference(text, problem.reason))
        )

    def pinned(self, digest: Digest) -> "ImageReference":
        """The same repository by ``digest`` alone; what every later request uses."""
        return replace(self, tag=None, digest=digest)

    @property
    def by_tag(self) -> "ImageReference":
        """The same by its tag alone: the manifest that the tag points to now."""
        return replace(self, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.repository}{tag}{digest}"


TAG_RULE = "a tag is a letter, digit or '_', then at most 127 letters, digits, '.', '_' or '-'"


def is_tag(text: str) -> bool:
    """True when ``text`` is an OCI tag: 1 to 128 characters of the specification's set."""
    return _TAG.fullmatch(text) is not None
