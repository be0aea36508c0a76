"""Credentials of Docker's and Podman's configuration files: ``config.json`` and ``auth.json``.

Formats: Docker's ``config.json`` and ``containers-auth.json(5)``. Credential helpers (``credHelpers``, ``credsStore``)
are not asked yet; a helper that would have to be asked is refused by name.
"""

import base64
import binascii
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from image_builder_domain.reference import DOCKER_HUB, Repository
from image_builder_domain.registry_failure import BadCredentials
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

LARGEST_FILE = 1024 * 1024
_log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, an identity token (OAuth refresh token), or both; kept out of ``repr``."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str | None:
        """The ``Basic`` authorization (RFC 7617, UTF-8); None without a user."""
        if not self.username:
            return None
        pair = f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")
        return "Basic " + base64.b64encode(pair).decode("ascii")


@final
@dataclass(frozen=True, slots=True)
class _ConfigFile:
    """One file, read; entries are checked only when they are needed."""

    path: str
    auths: Mapping[str, object] = field(repr=False)
    helpers: Mapping[str, object]
    store: str


@final
class DockerCredentials:
    """Looks credentials up by repository. Each file is read once; ``environment`` says where they are."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._paths = config_paths(environment)
        self._lock = threading.Lock()
        self._files: Result[tuple[_ConfigFile, ...], BadCredentials] | None = None

    def check(self) -> Result[None, BadCredentials]:
        """Whether every file that exists can be read and parsed."""
        return self._read().map(lambda _: None)

    def find(self, repository: Repository) -> Result[Credentials | None, BadCredentials]:
        """The credentials of the first file that has any for this repository; None is anonymous."""
        return self._read().bind(lambda files: _find_in_files(files, repository))

    def _read(self) -> Result[tuple[_ConfigFile, ...], BadCredentials]:
        with self._lock:
            if self._files is None:
                self._files = _read_all(self._paths)
            return self._files


def config_paths(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where configuration files may lie, in the order in which they are searched; an empty variable is unset."""
    places = (
        ("DOCKER_CONFIG", "config.json"),
        ("HOME", ".docker/config.json"),
        ("REGISTRY_AUTH_FILE", ""),
        ("XDG_RUNTIME_DIR", "containers/auth.json"),
        ("XDG_CONFIG_HOME", "containers/auth.json"),
    )
    found = [Path(environment[name]) / below for name, below in places if environment.get(name)]
    return tuple(dict.fromkeys(found))


def _read_all(paths: tuple[Path, ...]) -> Result[tuple[_ConfigFile, ...], BadCredentials]:
    files = []
    for path in paths:
        content = unwrap_or_failure(_content(path))
        if isinstance(content, BadCredentials):
            return Failure(content)
        if content is None:
            continue
        parsed = unwrap_or_failure(_parse(str(path), content))
        if isinstance(parsed, BadCredentials):
            return Failure(parsed)
        files.append(parsed)
    return Success(tuple(files))


def _content(path: Path) -> Result[bytes | None, BadCredentials]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Success(None)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no usable path"
        return Failure(BadCredentials(str(path), f"cannot be read: {reason}"))
    if len(content) > LARGEST_FILE:
        return Failure(BadCredentials(str(path), "is larger than 1 MiB"))
    return Success(content)


def _parse(path: str, content: bytes) -> Result[_ConfigFile, BadCredentials]:
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # its message would quote the file
        return Failure(BadCredentials(path, "is no valid JSON"))
    if not isinstance(data, dict):
        return Failure(BadCredentials(path, "holds no JSON object"))
    auths, helpers, store = data.get("auths"), data.get("credHelpers"), data.get("credsStore")
    for key, value, kind in (("auths", auths, dict), ("credHelpers", helpers, dict), ("credsStore", store, str)):
        if value is not None and not isinstance(value, kind):
            return Failure(BadCredentials(path, f"{key!r} is no {'object' if kind is dict else 'text'}"))
    return Success(_ConfigFile(path, auths or {}, helpers or {}, store or ""))


def _find_in_files(
    files: tuple[_ConfigFile, ...], repository: Repository
) -> Result[Credentials | None, BadCredentials]:
    for file in files:
        found = _find(file, repository)
        if unwrap_or_failure(found) is not None:
            return found
    return Success(None)


def _find(file: _ConfigFile, repository: Repository) -> Result[Credentials | None, BadCredentials]:
    """Precedence: the host's own helper, then the general store, then what the file itself holds."""
    host = _fold(repository.domain)
    for key, helper in file.helpers.items():
        if _normalised(key) == host:
            return Failure(_helper_refused(file.path, f"credHelpers[{key!r}]", helper, host))
    best = _best_key(file.auths, repository)
    entry = file.auths[best] if best is not None else None
    if file.store and not entry:
        return Failure(_helper_refused(file.path, "credsStore", file.store, host))
    if best is None:
        return Success(None)
    if file.store:
        _log.warning("%s: 'credsStore' is not asked; the entry %r of 'auths' is used instead", file.path, best)
    return _entry(file.path, best, entry)


def _helper_refused(path: str, where: str, helper: object, host: str) -> BadCredentials:
    reason = (
        f"{where} wants the credential helper {str(helper)!r} for {host}, and helpers are not supported yet; "
        f"put the credentials for {host} into 'auths' of a file without it, and name its folder in DOCKER_CONFIG"
    )
    return BadCredentials(path, reason)


def _best_key(auths: Mapping[str, object], repository: Repository) -> str | None:
    """The key whose normalised form is the longest prefix of the repository, in whole components."""
    wanted = f"{_fold(repository.domain)}/{repository.path}/"
    matching = [key for key in auths if wanted.startswith(f"{_normalised(key)}/")]
    return max(matching, key=lambda key: len(_normalised(key)), default=None)


def _normalised(key: str) -> str:
    """``host[:port][/namespace]`` of any form of key: ``https://host``, ``https://host/v1/``, ``host/namespace``."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, slash, path = bare.partition("/")
    return _fold(host) if path in ("v1", "v2") else f"{_fold(host)}{slash}{path}"


def _fold(host: str) -> str:
    folded = host.lower()
    return DOCKER_HUB if folded == "docker.io" else folded


def _entry(path: str, key: str, entry: object) -> Result[Credentials | None, BadCredentials]:
    where = f"the entry {key!r} of 'auths'"
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        return Failure(BadCredentials(path, f"{where} is no object of texts"))
    fields: dict[str, str] = entry
    if fields.get("registrytoken"):
        return Failure(BadCredentials(path, f"{where} has a 'registrytoken', which is not supported"))
    found = Credentials(fields.get("username", ""), fields.get("password", ""), fields.get("identitytoken", ""))
    if fields.get("auth"):
        pair = _decode_auth(fields["auth"])
        if pair is None:
            return Failure(BadCredentials(path, f"'auth' of {where} is no base64 of 'user:password'"))
        found = Credentials(*pair, found.identity_token)
    return Success(found if found.username or found.identity_token else None)


def _decode_auth(auth: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(auth.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
