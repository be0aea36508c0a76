"""Places of registry credentials, and the content of one of them: Docker's ``config.json`` or Podman's ``auth.json``.

Every file that Docker, ``buildctl`` and go-containerregistry accept is accepted: ``null`` is absent, unknown names are
ignored, names are compared without case, and what follows the first JSON value is not read. A file of Docker without
content is empty. Formats: Docker's ``config.json`` (docker/cli, ``cli/config/configfile``) and
``containers-auth.json(5)``.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import UnreadableFile, read_regular
from image_builder_adapters.registry.credentials import Credentials, is_text

CONTENT_VARIABLE: Final = "DOCKER_AUTH_CONFIG"
"""The variable whose value is the content of a file: of the Docker CLI and of GitLab's runner."""

_FIELDS: Final = ("username", "password", "auth", "identitytoken", "registrytoken")


@final
@dataclass(frozen=True, slots=True)
class Place:
    """One place of credentials, in order of precedence. ``content`` is set for :data:`CONTENT_VARIABLE` only.

    ``is_named``: a variable names this very file, so a file that cannot be read is an error, and not read past.
    ``is_optional``: Docker and Podman do not read it here, so a broken file is read past.
    """

    name: str
    content: str | None = field(default=None, repr=False)
    is_named: bool = False
    is_optional: bool = False


@final
@dataclass(frozen=True, slots=True)
class Configuration:
    """The content of one place; an entry is checked when it is needed.

    ``data`` is the whole document, ``absence`` says why a place without content is read past.
    """

    place: str
    auths: Mapping[str, object] = field(default_factory=dict, repr=False)
    helpers: Mapping[str, object] = field(default_factory=dict)
    store: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    absence: str = ""


def credential_places(environment: Mapping[str, str], user: int | None = None) -> tuple[Place, ...]:
    """All places, in order of precedence; an empty variable counts as unset. ``user`` is the process's own by default.

    Docker's come first, then Podman's, as go-containerregistry has it.
    """
    home, docker = environment.get("HOME", ""), environment.get("DOCKER_CONFIG", "")
    podman, content = environment.get("REGISTRY_AUTH_FILE", ""), environment.get(CONTENT_VARIABLE, "")
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/containers/{os.getuid() if user is None else user}"
    below = "containers/auth.json" if environment.get("XDG_RUNTIME_DIR") else "auth.json"
    configured = environment.get("XDG_CONFIG_HOME") or (os.path.join(home, ".config") if home else "")
    found = [
        Place(CONTENT_VARIABLE, content, is_named=True) if content.strip() else None,
        Place(os.path.join(docker, "config.json"), is_named=True) if docker else None,
        Place(os.path.join(home, ".docker/config.json"), is_optional=bool(docker)) if home else None,
        Place(podman, is_named=True) if podman else None,
        Place(os.path.join(runtime, below), is_optional=bool(podman)),
        Place(os.path.join(configured, "containers/auth.json"), is_optional=bool(podman)) if configured else None,
        Place(os.path.join(home, ".dockercfg"), is_optional=True) if home else None,
    ]
    return tuple({place.name: place for place in reversed(found) if place is not None}.values())[::-1]


def config_paths(environment: Mapping[str, str], user: int | None = None) -> tuple[Path, ...]:
    """Paths of possible configuration files, in order of precedence."""
    return tuple(Path(place.name) for place in credential_places(environment, user) if place.content is None)


def read_place(place: Place) -> Result[Configuration, str]:
    """The configuration in this place, or why it cannot be used: the rest of a sentence that begins with its name."""
    if place.content is not None:
        return parse_configuration(place.name, place.content.encode("utf-8", "replace"))
    if os.path.realpath(place.name) == os.devnull:
        return Success(Configuration(place.name))
    file = unwrap_or_failure(read_regular(place.name))
    if not isinstance(file, UnreadableFile):
        found = parse_configuration(place.name, file.content)
        return found.lash(lambda reason: Success(_absent(place, reason)) if place.is_optional else Failure(reason))
    # As go-containerregistry: read past a folder, and a file in a folder that this user may not open.
    is_hidden = os.path.isdir(place.name) or not os.path.lexists(place.name)
    is_closed = not place.is_named and file.reason.startswith("cannot be read")
    if file.is_missing or is_hidden or is_closed or place.is_optional:
        return Success(_absent(place, "is a folder" if os.path.isdir(place.name) else file.reason))
    return Failure(file.reason)


def _absent(place: Place, reason: str) -> Configuration:
    return Configuration(place.name, absence=reason)


def parse_configuration(place: str, content: bytes) -> Result[Configuration, str]:
    """The configuration in a text, or the rest of a sentence that begins with its name. Quotes no value."""
    text = content.decode("utf-8-sig", "replace").lstrip(" \t\r\n")
    try:
        document = json.JSONDecoder().raw_decode(text)[0] if text else {}
    except (ValueError, RecursionError):
        return Failure("is not JSON")
    if document is None:
        document = {}
    if not isinstance(document, dict):
        return Failure("is not a JSON object")
    if place.endswith(".dockercfg"):  # the format before "auths": its content, alone
        document = {"auths": document}
    names = _folded(document)
    auths, helpers, store = names.get("auths"), names.get("credhelpers"), names.get("credsstore")
    for key, value, kind in (("auths", auths, dict), ("credHelpers", helpers, dict), ("credsStore", store, str)):
        if value is not None and not isinstance(value, kind):
            return Failure(f"has {key!r} that is not {'an object' if kind is dict else 'a string'}")
    known = {key: value for key, value in (auths or {}).items() if value is not None}
    return Success(Configuration(place, known, helpers or {}, store or "", document))


def read_entry(entry: object) -> Result[Credentials | None, str]:
    """The credentials of an entry of ``auths``; None for an empty one. A reason begins with "is" or "has"."""
    if not isinstance(entry, dict):
        return Failure("is not an object")
    names = _folded(entry)
    texts = {name: "" if names.get(name) is None else names[name] for name in _FIELDS}
    for name, value in texts.items():
        if not is_text(value):
            return Failure(f"has {name!r} that is not a string of characters")
    pair = _decode_auth(texts["auth"]) if texts["auth"] else (texts["username"], texts["password"])
    if pair is None:
        return Failure("has 'auth' that is not base64 of 'user:password'")
    found = Credentials(*pair, texts["identitytoken"], texts["registrytoken"])
    if found.is_usable:
        return Success(found)
    return Failure("has a password without a user") if found.password else Success(None)


def _decode_auth(auth: str) -> tuple[str, str] | None:
    """User and password, by the rules of Go's ``base64``: line breaks are skipped. Padding may be missing."""
    bare = auth.replace("\r", "").replace("\n", "").strip().rstrip("=")
    try:
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.decode("utf-8", "surrogateescape").partition(":")
    return (user, password.strip("\0")) if colon else None


def _folded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The names in lower case, as Go's ``encoding/json`` compares them; of two that are then equal the last counts."""
    return {name.lower(): value for name, value in content.items()}
