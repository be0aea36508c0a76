"""Credentials of Docker's and Podman's configuration files: ``config.json`` and ``auth.json``.

Formats: Docker's ``config.json`` and ``containers-auth.json(5)``. In each file, the host's own helper has precedence
(``credHelpers``), then the general store (``credsStore``), then the credentials in the file (``auths``).
"""

import base64
import binascii
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import DOCKER_HUB, Repository
from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import UnreadableFile, read_regular
from image_builder_adapters.registry.credentials import CredentialHelpers, Credentials, is_text

LARGEST_FILE = 1024 * 1024

_GOOGLE_KEY: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_GOOGLE_HELPER: Final = "gcr"


@final
@dataclass(frozen=True, slots=True)
class _ConfigFile:
    """The content of one file; an entry is checked when it is needed."""

    path: str
    auths: Mapping[str, object] = field(repr=False)
    helpers: Mapping[str, str]
    store: str


@final
class DockerCredentials:
    """Looks up credentials by repository. ``environment`` names the files; each is read once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._paths = config_paths(environment)
        self._helpers = CredentialHelpers(environment)
        self._google_key = environment.get(_GOOGLE_KEY, "")
        self._lock = threading.Lock()
        self._files: Result[tuple[_ConfigFile, ...], BadCredentials] | None = None

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Whether every existing file is valid, and every helper in ``credHelpers`` for these is installed."""
        return self._read().bind(lambda files: self._check_helpers(files, tuple(repositories)))

    def _check_helpers(
        self, files: tuple[_ConfigFile, ...], repositories: tuple[Repository, ...]
    ) -> Result[None, BadCredentials]:
        for file in files:
            for key, name in (named for repository in repositories if (named := _own_helper(file, repository))):
                problem = self._helpers.problem(name)
                if problem is not None:
                    return Failure(BadCredentials(file.path, f"credHelpers[{key!r}]: {problem}"))
        return Success(None)

    def find(self, repository: Repository, cancellation: Cancellation) -> Result[Credentials | None, BadCredentials]:
        """The credentials of the first file that has any for this repository; None for anonymous access."""
        return self._read().bind(lambda files: self._find_in(files, repository, cancellation))

    def _find_in(
        self, files: tuple[_ConfigFile, ...], repository: Repository, cancellation: Cancellation
    ) -> Result[Credentials | None, BadCredentials]:
        for file in files:
            found = self._find(file, repository, cancellation)
            if unwrap_or_failure(found) is not None:
                return found
        return self._of_google(repository, cancellation)

    def places(self, repository: Repository) -> Result[tuple[str, ...], BadCredentials]:
        """The places of credentials for this repository, in order of precedence: files with their keys, no secrets.

        If a helper has no credentials, the next place counts. Without any place, access is anonymous.
        """
        return self._read().map(
            lambda files: (
                tuple(place for file in files for place in _places(file, repository))
                + ((_GOOGLE_KEY,) if self._google_key and _is_googles(repository.domain) else ())
            )
        )

    def _find(
        self, file: _ConfigFile, repository: Repository, cancellation: Cancellation
    ) -> Result[Credentials | None, BadCredentials]:
        for where, name in _helpers_of(file, repository):
            asked = self._helpers.ask(name, _server(repository), cancellation)
            if isinstance(asked, Failure):
                return Failure(BadCredentials(file.path, f"{where}: {asked.failure()}"))
            if asked.unwrap() is not None:
                return Success(asked.unwrap())
        best = _best_key(file.auths, repository)
        return _entry(file.path, best, file.auths[best]) if best is not None else Success(None)

    def _of_google(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[Credentials | None, BadCredentials]:
        """Credentials of the service account that Google's own tools use, for Google's registries."""
        if not self._google_key or not _is_googles(repository.domain):
            return Success(None)
        asked = self._helpers.ask(_GOOGLE_HELPER, _server(repository), cancellation)
        return asked.alt(lambda reason: BadCredentials(_GOOGLE_KEY, f"is set for {repository.domain}, but {reason}"))

    def _read(self) -> Result[tuple[_ConfigFile, ...], BadCredentials]:
        with self._lock:
            if self._files is None:
                self._files = _read_all(self._paths)
            return self._files


def config_paths(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Paths of possible configuration files, in order of precedence; an empty variable counts as unset."""
    places = (
        ("DOCKER_CONFIG", "config.json"),
        ("HOME", ".docker/config.json"),
        ("REGISTRY_AUTH_FILE", ""),
        ("XDG_RUNTIME_DIR", "containers/auth.json"),
        ("XDG_CONFIG_HOME", "containers/auth.json"),
    )
    found = [Path(environment[name]) / below for name, below in places if environment.get(name)]
    return tuple(dict.fromkeys(found))


def docker_configuration(repository: Repository, credentials: Credentials | None) -> bytes:
    """A ``config.json`` with exactly these credentials for the repository's registry; empty for None."""
    if credentials is None:
        return b"{}"
    basic, token = (credentials.basic or "").removeprefix("Basic "), credentials.identity_token
    entry = {key: value for key, value in (("auth", basic), ("identitytoken", token)) if value}
    return json.dumps({"auths": {_server(repository): entry}}).encode()


def _read_all(paths: tuple[Path, ...]) -> Result[tuple[_ConfigFile, ...], BadCredentials]:
    files = []
    for path in paths:
        file = unwrap_or_failure(_read(path))
        if isinstance(file, BadCredentials):
            return Failure(file)
        files += [file] if file is not None else []
    return Success(tuple(files))


def _read(path: Path) -> Result[_ConfigFile | None, BadCredentials]:
    """The file; None if it does not exist."""
    file = unwrap_or_failure(read_regular(str(path)))
    if not isinstance(file, UnreadableFile):
        return _parse(str(path), file.content)
    return Success(None) if file.is_missing else Failure(BadCredentials(str(path), file.reason))


def _parse(path: str, content: bytes) -> Result[_ConfigFile | None, BadCredentials]:
    data = unwrap_or_failure(json_object(content))
    if isinstance(data, str):
        return Failure(BadCredentials(path, data))
    auths, helpers, store = data.get("auths"), data.get("credHelpers"), data.get("credsStore")
    for key, value, kind in (("auths", auths, dict), ("credHelpers", helpers, dict), ("credsStore", store, str)):
        if value is not None and not isinstance(value, kind):
            return Failure(BadCredentials(path, f"{key!r} is not {'an object' if kind is dict else 'a string'}"))
    if not all(isinstance(name, str) for name in (helpers or {}).values()):
        return Failure(BadCredentials(path, "'credHelpers' has a helper whose name is not a string"))
    return Success(_ConfigFile(path, auths or {}, helpers or {}, store or ""))


def _helpers_of(file: _ConfigFile, repository: Repository) -> list[tuple[str, str]]:
    """The helpers to run, in order, each with the key that names it."""
    own = _own_helper(file, repository)
    named = [(f"credHelpers[{own[0]!r}]", own[1])] if own is not None else []
    return [*named, *([("credsStore", file.store)] if file.store else [])]


def _places(file: _ConfigFile, repository: Repository) -> list[str]:
    helpers = [f"{file.path}: {where} (docker-credential-{name})" for where, name in _helpers_of(file, repository)]
    best = _best_key(file.auths, repository)
    return [*helpers, *([f"{file.path}: auths[{best!r}]"] if best is not None else [])]


def _own_helper(file: _ConfigFile, repository: Repository) -> tuple[str, str] | None:
    """Key and helper of the registry's entry in ``credHelpers``."""
    host = _fold(repository.domain)
    return next(((key, name) for key, name in file.helpers.items() if _normalised(key) == host), None)


def _server(repository: Repository) -> str:
    """The registry's name for helpers; Docker Hub has a special one."""
    return "https://index.docker.io/v1/" if repository.domain == DOCKER_HUB else repository.domain


def _is_googles(domain: str) -> bool:
    return domain == "gcr.io" or domain.endswith((".gcr.io", ".pkg.dev"))


def _best_key(auths: Mapping[str, object], repository: Repository) -> str | None:
    """The key that names the longest prefix of the repository, in whole path components."""
    wanted = f"{_fold(repository.domain)}/{repository.path}/"
    matching = [key for key in auths if wanted.startswith(f"{_normalised(key)}/")]
    return max(matching, key=lambda key: len(_normalised(key)), default=None)


def _normalised(key: str) -> str:
    """``host[:port][/namespace]`` of a key such as ``https://host``, ``https://host/v1/`` or ``host/namespace``."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, slash, path = bare.partition("/")
    return _fold(host) if path in ("v1", "v2") else f"{_fold(host)}{slash}{path}"


def _fold(host: str) -> str:
    folded = host.lower()
    return DOCKER_HUB if folded == "docker.io" else folded


def _entry(path: str, key: str, entry: object) -> Result[Credentials | None, BadCredentials]:
    where = f"the entry {key!r} of 'auths'"
    if not isinstance(entry, dict) or not all(map(is_text, entry.values())):
        return Failure(BadCredentials(path, f"{where} is not an object of strings"))
    fields: dict[str, str] = entry
    if fields.get("registrytoken"):
        return Failure(BadCredentials(path, f"{where} has a 'registrytoken', which is not supported"))
    found = Credentials(fields.get("username", ""), fields.get("password", ""), fields.get("identitytoken", ""))
    if fields.get("auth"):
        pair = _decode_auth(fields["auth"])
        if pair is None:
            return Failure(BadCredentials(path, f"'auth' of {where} is not base64 of 'user:password'"))
        found = Credentials(*pair, found.identity_token)
    return Success(found if found.username or found.identity_token else None)


def _decode_auth(auth: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(auth.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
