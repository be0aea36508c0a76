"""The look-up of registry credentials: one for the client, the engines, cosign and ``doctor``.

In each place, the host's own helper has precedence (``credHelpers``), then the general store (``credsStore``), then the
credentials in the file (``auths``). An empty helper name means that this host has none and that the store is not asked.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias, final

from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import DOCKER_HUB, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.registry.config_file import (
    Configuration,
    Place,
    config_paths,
    credential_places,
    read_entry,
    read_place,
)
from image_builder_adapters.registry.credentials import CredentialHelpers, Credentials

__all__ = ["DockerCredentials", "config_paths", "docker_configuration", "server_key"]

_GOOGLE_KEY: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_GOOGLE_HELPER: Final = "gcr"

_Found: TypeAlias = Result[Credentials | None, BadCredentials]


@final
class DockerCredentials:
    """Looks up credentials by repository. ``environment`` names the files; each is read once, when it is needed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._places = credential_places(environment)
        self._helpers = CredentialHelpers(environment)
        self._google_key = environment.get(_GOOGLE_KEY, "")
        self._lock = threading.Lock()
        self._read: dict[Place, Result[Configuration, BadCredentials]] = {}

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Whether the credentials for these can be used: files, entries and the helpers' programs. Asks no helper.

        Without repositories, whether each file is valid.
        """
        wanted = tuple(repositories)
        problems = map(self._problem, wanted) if wanted else (_failed(self._configuration(it)) for it in self._places)
        problem = next(filter(None, problems), None)
        return Success(None) if problem is None else Failure(problem)

    def find(self, repository: Repository, cancellation: Cancellation) -> _Found:
        """The credentials of the first place that has any for this repository; None for anonymous access."""
        for place in self._places:
            found = self._configuration(place).bind(lambda read: self._find(read, repository, cancellation))
            if unwrap_or_failure(found) is not None:
                return found
        return self._of_google(repository, cancellation)

    def places(self, repository: Repository) -> Result[tuple[str, ...], BadCredentials]:
        """The places of credentials for this repository, in order of precedence: files with their keys, no secrets.

        If a helper has no credentials, the next place counts. Without any place, access is anonymous.
        """
        named: list[str] = []
        for place in self._places:
            read = unwrap_or_failure(self._configuration(place))
            if isinstance(read, BadCredentials):
                return Success(tuple(named)) if named else Failure(read)
            named += _named(read, repository)
        return Success((*named, *((_GOOGLE_KEY,) if self._asks_google(repository) else ())))

    def searched(self) -> str:
        """Where credentials are looked for, in words: Docker's places, and Podman's by name where they have a file."""
        names: list[str] = []
        for place in self._places:
            absence = self._configuration(place).map(lambda read: read.absence).value_or("is invalid")
            if absence != _MISSING:
                names.append(f"{place.name} ({absence})" if absence else place.name)
            elif place.is_named or place.name.endswith("/.docker/config.json"):
                names.append(f"{place.name} (not there)")
        return ", ".join((*names, "every auth.json of Podman"))

    def _problem(self, repository: Repository) -> BadCredentials | None:
        """What is wrong on the way to the first place that is meant for this repository."""
        for place in self._places:
            read = unwrap_or_failure(self._configuration(place))
            if isinstance(read, BadCredentials):
                return read
            for where, name in _helpers_of(read, repository):
                problem = self._helpers.problem(name) if isinstance(name, str) else _NOT_TEXT
                if problem is not None:
                    return BadCredentials(read.place, f"{where}: {problem}")
            entry = _failed(_of_file(read, repository))
            if entry is not None or _named(read, repository):
                return entry
        problem = self._helpers.problem(_GOOGLE_HELPER) if self._asks_google(repository) else None
        return _of_google_key(repository, problem) if problem is not None else None

    def _find(self, read: Configuration, repository: Repository, cancellation: Cancellation) -> _Found:
        for where, name in _helpers_of(read, repository):
            if not isinstance(name, str):
                return Failure(BadCredentials(read.place, f"{where}: {_NOT_TEXT}"))
            source = f"{read.place}: {where} (docker-credential-{name})"
            asked = self._helpers.ask(name, server_key(repository), cancellation).map(_from(source))
            if isinstance(asked, Failure):
                return Failure(BadCredentials(read.place, f"{where}: {asked.failure()}"))
            if asked.unwrap() is not None:
                return Success(asked.unwrap())
        return _of_file(read, repository)

    def _of_google(self, repository: Repository, cancellation: Cancellation) -> _Found:
        """Credentials of the service account that Google's own tools use, for Google's registries."""
        if not self._asks_google(repository):
            return Success(None)
        asked = self._helpers.ask(_GOOGLE_HELPER, server_key(repository), cancellation)
        return asked.map(_from(_GOOGLE_KEY)).alt(lambda reason: _of_google_key(repository, reason))

    def _asks_google(self, repository: Repository) -> bool:
        domain = repository.domain
        return bool(self._google_key) and (domain == "gcr.io" or domain.endswith((".gcr.io", ".pkg.dev")))

    def _configuration(self, place: Place) -> Result[Configuration, BadCredentials]:
        with self._lock:
            if place not in self._read:
                self._read[place] = read_place(place).alt(lambda reason: BadCredentials(place.name, reason))
            return self._read[place]


_MISSING: Final = "does not exist"
_NOT_TEXT: Final = "the name of the helper is not a string"


def docker_configuration(repository: Repository, credentials: Credentials | None) -> bytes:
    """A ``config.json`` with exactly these credentials for the repository's registry; empty for None."""
    return json.dumps({"auths": {server_key(repository): docker_entry(credentials)}} if credentials else {}).encode()


def docker_entry(credentials: Credentials) -> dict[str, str]:
    """The entry of ``auths`` with these credentials."""
    basic = (credentials.basic or "").removeprefix("Basic ")
    tokens = (("identitytoken", credentials.identity_token), ("registrytoken", credentials.registry_token))
    return {key: value for key, value in (("auth", basic), *tokens) if value}


def server_key(repository: Repository) -> str:
    """The registry's name in files and for helpers; Docker Hub has a special one."""
    return "https://index.docker.io/v1/" if repository.domain == DOCKER_HUB else repository.domain


def _failed(found: Result[object, BadCredentials]) -> BadCredentials | None:
    return found.failure() if isinstance(found, Failure) else None


def _from(source: str) -> Callable[[Credentials | None], Credentials | None]:
    def named(found: Credentials | None) -> Credentials | None:
        if found is None:
            return None
        return Credentials(found.username, found.password, found.identity_token, found.registry_token, source)

    return named


def _of_google_key(repository: Repository, reason: str) -> BadCredentials:
    return BadCredentials(_GOOGLE_KEY, f"is set for {repository.domain}, but {reason}")


def _helpers_of(read: Configuration, repository: Repository) -> Iterator[tuple[str, object]]:
    """The helpers to run, in order, each with the key that names it."""
    host = _fold(repository.domain)
    own = next(((key, name) for key, name in read.helpers.items() if normalised(key) == host), None)
    if own is not None and own[1] not in (None, ""):
        yield f"credHelpers[{own[0]!r}]", own[1]
    elif own is None and read.store:  # an empty name means: neither a helper for this host nor the store
        yield "credsStore", read.store


def _named(read: Configuration, repository: Repository) -> list[str]:
    helpers = [f"{read.place}: {where} (docker-credential-{name})" for where, name in _helpers_of(read, repository)]
    best = _best_key(read.auths, repository)
    return [*helpers, *([f"{read.place}: auths[{best!r}]"] if best is not None else [])]


def _of_file(read: Configuration, repository: Repository) -> _Found:
    best = _best_key(read.auths, repository)
    if best is None:
        return Success(None)
    found = read_entry(read.auths[best]).map(_from(f"{read.place}: auths[{best!r}]"))
    return found.alt(lambda reason: BadCredentials(read.place, f"the entry {best!r} of 'auths' {reason}"))


def _best_key(auths: Mapping[str, object], repository: Repository) -> str | None:
    """The key that names the longest prefix of the repository, in whole path components.

    Entries without content, which ``docker login`` leaves for hosts whose credentials are in a store, name nothing.
    """
    wanted = f"{_fold(repository.domain)}/{repository.path}/"
    matching = [key for key, entry in auths.items() if entry != {} and wanted.startswith(f"{normalised(key)}/")]
    return max(matching, key=lambda key: len(normalised(key)), default=None)


def normalised(key: str) -> str:
    """``host[:port][/namespace]`` of a key such as ``https://host``, ``https://host/v1/`` or ``host/namespace``.

    With a scheme, only the host counts, as in Docker and in Podman (containers/image, ``normalizeAuthFileKey``).
    """
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, slash, path = bare.partition("/")
    return _fold(host) if bare != key.rstrip("/") or path in ("v1", "v2") else f"{_fold(host)}{slash}{path}"


def _fold(host: str) -> str:
    folded = host.lower()
    return DOCKER_HUB if folded in ("docker.io", "registry-1.docker.io") else folded
