"""All secrets that the tool can know before a build; the redactor learns them before any foreign output.

A build step may read what the tool can read: kaniko's runs in the tool's own container. So the redactor knows a
credential because it is there, and not when it is first used. :data:`SOURCES` is the one list of places; a test prints
a canary of each. Nothing here fails: a file that cannot be read is reported by the code that needs it.
"""

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from image_builder_domain.json_object import json_value
from image_builder_domain.secret_name import OWN_SECRETS, is_secret, names_secret

from image_builder_adapters.files import read_regular
from image_builder_adapters.redaction import base64_lines
from image_builder_adapters.registry.docker_config import config_paths

_LARGEST: Final = 1 << 20
_USER_OF_URL: Final = re.compile(r"://([^/?#\s@]+)@")
_SETTING: Final = re.compile(r"^[ \t]*([A-Za-z][\w.-]{0,99})[ \t]*[=:][ \t]*(\S.*)$", re.MULTILINE)
_POD_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"
# Members of Docker's and Podman's files, and of the files of signers, that the general rule would not know.
_MEMBERS: Final = frozenset(("auth", "password", "identitytoken", "registrytoken", "Secret", "privateKeyData"))

Environment = Mapping[str, str]


def known_secrets(environment: Environment) -> Iterator[str]:
    """The secrets in the environment and in the files that it names. ``environment`` is the tool's own."""
    for source in SOURCES.values():
        yield from source(environment)


def secrets_of_files(paths: Iterable[str]) -> Iterator[str]:
    """What these files hold, such as the secret files of signers; at most 1 MiB of each is read."""
    for path in paths:
        text = secret_text(path)
        yield from secrets_in(text) if text else ()


def secrets_in(text: str) -> Iterator[str]:
    """The secrets of a file: of JSON and of lines ``name = value`` the secret-looking ones, else all of it."""
    document = json_value(text).value_or(None)
    if isinstance(document, (dict, list)):
        yield from _members(document)
        yield from _lines_of_base64(text)
        return
    values = ((match[1], match[2].strip().strip("'\"")) for match in _SETTING.finditer(text))
    found = [value for name, value in values if is_secret(name, value)]
    yield from found or (text,)
    for value in found:
        yield from _decoded(value)
    yield from _lines_of_base64(text) if found else ()


def _variables(environment: Environment) -> Iterator[str]:
    for name, value in environment.items():
        if is_secret(name, value) and (name in OWN_SECRETS or not os.path.isabs(value) or not os.path.exists(value)):
            yield value
            if value.lstrip().startswith("{"):
                yield from secrets_in(value)


def _addresses(environment: Environment) -> Iterator[str]:
    """Passwords in URLs: of proxies, registries, git remotes, BuildKit."""
    for value in environment.values():
        for match in _USER_OF_URL.finditer(value) if "://" in value else ():
            user, colon, password = match[1].partition(":")
            # A token may stand alone before the "@"; a user's name there is none.
            text = password if colon else user
            if text and (colon or is_secret("token", text)):
                yield from (text, unquote(text))


def _files(environment: Environment) -> Iterator[str]:
    """Files that variables name, as clients of clouds expect it, keys for BuildKit and clusters, the pod's token."""
    named = (value for name, value in environment.items() if names_secret(name) and os.path.isabs(value))
    tls, clusters = environment.get("BUILDKIT_TLS_DIR"), environment.get("KUBECONFIG", "")
    keys = (os.path.join(tls, "key.pem"),) if tls else ()
    yield from secrets_of_files((*named, *keys, *filter(None, clusters.split(":")), _POD_TOKEN))


def _registries(environment: Environment) -> Iterator[str]:
    """Docker's and Podman's configuration files, every entry of them."""
    yield from secrets_of_files(map(str, config_paths(environment)))


SOURCES: Final[Mapping[str, Callable[[Environment], Iterator[str]]]] = {
    "variables": _variables,
    "addresses": _addresses,
    "files": _files,
    "registries": _registries,
}
"""Places of secrets by name, each with what reads them."""


def _members(document: Any, name: str = "") -> Iterator[str]:
    """Texts below secret-looking names; lists and objects hand their name down."""
    waiting: list[tuple[str, Any]] = [(name, document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((key if isinstance(inner, str) else name or key, inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((name, inner) for inner in value)
        elif isinstance(value, str):
            yield from _addresses({name: value})
            if name in _MEMBERS or is_secret(name, value):
                yield value
                yield from _decoded(value)
                scheme, _, credential = value.partition(" ")  # of an Authorization header
                if scheme.lower() in ("basic", "bearer", "token"):
                    yield credential


def _decoded(value: str) -> Iterator[str]:
    """What base64 hides: the password of ``user:password``, or a PEM text with its lines."""
    try:
        text = base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if not text.isprintable() and "-----BEGIN " not in text:
        return
    yield text
    yield text.partition(":")[2]


def _lines_of_base64(text: str) -> Iterator[str]:
    """What ``base64 FILE`` prints: a secret inside of the file is cut in two there."""
    return base64_lines(base64.b64encode(text.encode("utf-8", "surrogateescape")).decode())


def secret_text(path: str) -> str:
    """The content of a regular file that holds text; empty when there is none to read."""
    content = read_regular(path, _LARGEST, cut=True).map(lambda file: file.content).value_or(b"")
    if b"\0" in content:  # a program, say, that a variable of such a name leads to
        return ""
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
