"""The registry credentials of an engine: a ``config.json`` with what our look-up gives, for one build.

Engines look in fewer places than we do, read the first file only, and lack the variables that credential helpers need.
So each gets the user's own ``config.json`` with our credentials for the registries of the build put over it, as plain
entries of ``auths``.

The content never reaches a disk. It is in an anonymous file in memory (``memfd_create``), and ``config.json`` in a
private folder is a link to that file's descriptor below ``/proc``. So the folder holds no secret even while it exists.
Only this process has the descriptor, and the kernel frees the memory when it ends, also by SIGKILL; then only a folder
with links remains. A program in a process namespace of its own cannot see this process, so it inherits the descriptor.
That is BuildKit's daemonless script, whose daemon hands no descriptor to its steps (runc closes them).

A step of BuildKit has a process namespace and a root of its own, so it cannot open the file. The exception is a
rootless BuildKit without process sandbox, whose steps may read all that the user can read. kaniko's steps are root
beside the executor, and may read what the executor can read: in a root of its own, a file in a memory file system.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from image_builder_domain.build import BuildRequest
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import Cancellation
from image_builder_domain.source.base_image import base_repositories
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_regular
from image_builder_adapters.process import Command
from image_builder_adapters.registry.config_file import Place, read_entry, read_place
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials, docker_entry, server_key

_LARGEST_DOCKERFILE: Final = 1 << 20
_CONFIG: Final = "config.json"


@final
@dataclass(frozen=True, slots=True)
class EngineLogin:
    """The content of ``config.json``. ``notes`` are lines for the build's output; they hold no secret."""

    content: bytes = field(repr=False)
    notes: tuple[str, ...] = ()


@final
class EngineLogins:
    """Makes the logins of builds. ``environment`` is the tool's own; ``learn`` gets each secret before it is used.

    ``has_helpers``: the engine can run credential helpers, so those of the user's file stay for other registries.
    """

    def __init__(
        self, environment: Mapping[str, str], learn: Callable[[str], None], *, has_helpers: bool = True
    ) -> None:
        self._environment = environment
        self._learn = learn
        self._has_helpers = has_helpers
        self._credentials = DockerCredentials(environment)

    @property
    def own_folder(self) -> str:
        """The user's own Docker folder, which need not exist."""
        home = self._environment.get("HOME") or "/"
        return self._environment.get("DOCKER_CONFIG") or os.path.join(home, ".docker")

    def login(self, request: BuildRequest, cancellation: Cancellation) -> Result[EngineLogin, BadCredentials]:
        """The login for the repositories and caches of a build, and for the images that its Dockerfile names.

        Credentials that cannot be looked up are a failure for the repositories alone: a cache never fails a build, and
        the engine finds out whether an image of the Dockerfile needs them.
        """
        caches = [reference.repository for reference in (*request.cache.imports, *request.cache.exports)]
        read = dict.fromkeys((*caches, *_read_repositories(request)))
        needed = dict.fromkeys(request.repositories)
        found: dict[Repository, Credentials] = {}
        for repository in dict.fromkeys((*needed, *read)):
            credentials = unwrap_or_failure(self._credentials.find(repository, cancellation))
            if isinstance(credentials, BadCredentials) and repository in needed:
                return Failure(credentials)
            if isinstance(credentials, Credentials):
                found[repository] = credentials
        for secret in (secret for credentials in found.values() for secret in credentials.secrets):
            self._learn(secret)
        return Success(self._merged(found))

    def _merged(self, found: Mapping[Repository, Credentials]) -> EngineLogin:
        data, helpers = _own_content(os.path.join(self.own_folder, _CONFIG)), dict[str, Any]()
        auths = _valid_entries(_member(data, "auths"))
        if self._has_helpers:
            helpers = {host: name for host, name in _member(data, "credHelpers").items() if isinstance(name, str)}
        else:
            data = {name: value for name, value in data.items() if name.lower() != "credsstore"}
        chosen, notes = dict[str, tuple[Repository, Credentials]](), list[str]()
        for repository, credentials in found.items():
            host = server_key(repository)
            first, used = chosen.setdefault(host, (repository, credentials))
            if used != credentials:
                notes.append(
                    f"{repository.domain}: {first} and {repository} have different credentials; BuildKit sends those "
                    f"of {first} to both"
                )
            # go-containerregistry, which kaniko uses, looks for the whole repository first.
            for key in (host, str(repository)) if used != credentials else (host,):
                if key == host and first != repository:
                    continue
                auths[key] = docker_entry(credentials)
                helpers[key] = ""  # no helper here, and no store: auths counts
        members = {**_others(data), "auths": auths, **({"credHelpers": helpers} if helpers else {})}
        return EngineLogin(json.dumps(members).encode(), tuple(notes))


@final
@dataclass(frozen=True, slots=True)
class LoginFolder:
    """A folder for ``DOCKER_CONFIG``, and the descriptors that the program must inherit."""

    path: str
    descriptors: tuple[int, ...] = ()


@contextmanager
def login_folder(
    login: EngineLogin, own_folder: str, place: str | None = None, *, is_inherited: bool = False
) -> Iterator[LoginFolder]:
    """Make the folder for one program; it is gone afterwards. Raises ``OSError``.

    Everything else of ``own_folder``, such as Docker's contexts, appears in it. ``place`` is the folder that it is made
    in, by default that for temporary files. ``is_inherited`` is for a program in a process namespace of its own.
    """
    folder, descriptor = tempfile.mkdtemp(prefix="image-builder-login-", dir=place), -1
    try:
        descriptor = os.memfd_create("docker-config", os.MFD_CLOEXEC)
        os.write(descriptor, login.content)
        process = "self" if is_inherited else str(os.getpid())
        os.symlink(f"/proc/{process}/fd/{descriptor}", os.path.join(folder, _CONFIG))
        with suppress(OSError):
            for name in os.listdir(own_folder):
                if name != _CONFIG:
                    os.symlink(os.path.join(os.path.abspath(own_folder), name), os.path.join(folder, name))
        yield LoginFolder(folder, (descriptor,) if is_inherited else ())
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def with_login(command: Command, folder: LoginFolder) -> Command:
    """The command of a program that reads Docker's configuration there."""
    environment = {**command.environment, "DOCKER_CONFIG": folder.path}
    return replace(command, environment=environment, descriptors=(*command.descriptors, *folder.descriptors))


def _read_repositories(request: BuildRequest) -> tuple[Repository, ...]:
    file = read_regular(os.path.join(request.context, request.dockerfile), _LARGEST_DOCKERFILE, cut=True)
    text = file.map(lambda found: found.content.decode("utf-8", "replace")).value_or("")
    return base_repositories(text, request.arguments)


def _own_content(path: str) -> dict[str, Any]:
    """The user's file; empty if it cannot be used, which the look-up reports where it matters."""
    return read_place(Place(path)).map(lambda read: dict(read.data)).value_or({})


def _member(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = [value for key, value in data.items() if key.lower() == name.lower() and isinstance(value, dict)]
    return {key: value for key, value in (found[-1] if found else {}).items() if value is not None}


def _valid_entries(auths: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The entries that can be read, in the form that all engines read: Docker refuses a file with another one."""
    read = {key: unwrap_or_failure(read_entry(entry)) for key, entry in auths.items()}
    return {key: docker_entry(found) for key, found in read.items() if isinstance(found, Credentials)}


def _others(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name.lower() not in ("auths", "credhelpers")}
