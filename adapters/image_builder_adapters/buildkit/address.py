"""Addresses of BuildKit daemons, as ``buildctl --addr`` takes them, and when two of them name one daemon.

Compared are the scheme without case, the real path of a socket, and host and port: without case, a trailing dot or a
trailing slash, IP addresses by value, every name of this machine's own loopback as one, and of containers and pods only
what buildctl reads. ``ssh`` has the default port 22; ``tcp`` has none (buildctl: "missing port in address"). Not
compared are two names of one host, a name and its IP address, forwarded ports, and one daemon behind two schemes: only
a resolver, or the daemon itself, could tell.
"""

import posixpath
from collections.abc import Mapping
from typing import Final

from image_builder_domain.problem import nearest
from returns.result import Failure, Result, Success

SCHEMES: Final = frozenset(
    ("unix", "tcp", "ssh", "docker-container", "podman-container", "nerdctl-container", "kube-pod")
)
"""What ``buildctl`` can reach on Linux (BuildKit, ``client/connhelper`` and ``client/client_unix.go``)."""

_DEFAULT_PORTS: Final = {"ssh": "22"}
_QUERIES: Final = {
    "docker-container": ("context",),
    "podman-container": (),
    "nerdctl-container": ("namespace",),
    "kube-pod": ("container", "context", "namespace"),
}
"""The parts of a query that buildctl reads (BuildKit v0.33, ``SpecFromURL`` below ``client/connhelper``)."""
_LOOPBACK: Final = "localhost"
_LOOPBACK_NAMES: Final = frozenset(("", _LOOPBACK, "ip6-localhost", "ip6-loopback"))


def parse_address(text: str) -> Result[str, str]:
    """An address for a configuration file: ``scheme://`` of a known scheme with something after it, no blanks."""
    scheme, separator, rest = text.partition("://")
    if not separator or not rest.strip("/"):
        return Failure(f"{text!r} is not an address such as tcp://buildkitd.build:1234")
    if scheme.lower() not in SCHEMES:
        return Failure(f"BuildKit does not support addresses with {scheme}://; {nearest(scheme.lower(), SCHEMES)}")
    if any(character.isspace() or not character.isprintable() for character in text):
        return Failure(f"{text!r} holds white space")
    return Success(text)


def socket_path(address: str) -> str | None:
    """The path of a ``unix`` address, None of another one; ``unix:PATH`` is accepted as buildctl accepts it."""
    scheme, rest = _split(address)
    return rest if scheme == "unix" else None


def canonical(address: str, real_paths: Mapping[str, str]) -> str:
    """What two addresses of one daemon have in common. ``real_paths`` maps paths of sockets to their real ones."""
    scheme, rest = _split(address)
    if scheme == "unix":
        return f"unix://{real_paths.get(rest, posixpath.normpath(rest))}"
    if scheme in _QUERIES:
        return f"{scheme}://{_container(rest, _QUERIES[scheme])}"
    place = rest.rstrip("/")
    if scheme in ("tcp", "ssh"):
        user, at, server = place.rpartition("@")
        place = f"{user}{at}{_server(server, _DEFAULT_PORTS.get(scheme, ''))}"
    return f"{scheme}://{place}"


def _container(rest: str, names: tuple[str, ...]) -> str:
    """The container or pod with what else says which one it is; buildctl reads nothing else of such a URL."""
    from urllib.parse import parse_qsl  # seldom needed

    place, _, query = rest.partition("#")[0].partition("?")
    said = dict(reversed(parse_qsl(query, keep_blank_values=True)))  # of several the first counts
    name = place.partition("/")[0].rpartition("@")[2].partition(":")[0]
    return f"{name}?{'&'.join(f'{key}={said[key]}' for key in names if said.get(key))}"


def _split(address: str) -> tuple[str, str]:
    scheme, _, rest = address.strip().partition(":")
    return scheme.lower(), rest.removeprefix("//")


def _server(text: str, default_port: str) -> str:
    """``host:port`` in one form; what is not that stays as it is."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return f"{_host(host)}:{port.lstrip('0') or default_port}"


def _host(text: str) -> str:
    name = text.lower().rstrip(".")
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return _LOOPBACK
    from ipaddress import IPv6Address, ip_address  # takes milliseconds, and is seldom needed

    try:
        found = ip_address(name.partition("%")[0])
    except ValueError:
        return name
    found = (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
    # The kernel takes a connection to the unspecified address for one to this machine.
    return _LOOPBACK if found.is_loopback or found.is_unspecified else str(found)
