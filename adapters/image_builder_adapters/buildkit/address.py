"""Addresses of BuildKit daemons, as ``buildctl --addr`` takes them, and whether two of them name the same daemon.

The comparison ignores the case of the scheme and the host, a trailing dot and a trailing slash. It resolves the path of
a socket, compares IP addresses by value, takes all names of the loopback interface as one, and of the URL of a
container or pod only the parts that ``buildctl`` reads. ``ssh`` has the default port 22, ``tcp`` has none (buildctl:
"missing port in address"). It does not recognise two names of one host, a name and its IP address, a forwarded port, or
one daemon behind two schemes: that would need a resolver or the daemon itself.
"""

import posixpath
from collections.abc import Mapping
from typing import Final

from image_builder_domain.problem import nearest
from returns.result import Failure, Result, Success

SCHEMES: Final = frozenset(
    ("unix", "tcp", "ssh", "docker-container", "podman-container", "nerdctl-container", "kube-pod")
)
"""The schemes that ``buildctl`` supports on Linux (BuildKit, ``client/connhelper`` and ``client/client_unix.go``)."""

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
    """An address of a configuration file: ``scheme://`` of a known scheme and more, without white space."""
    scheme, separator, rest = text.partition("://")
    if not separator or not rest.strip("/"):
        return Failure(f"{text!r} is not an address such as tcp://buildkitd.build:1234")
    if scheme.lower() not in SCHEMES:
        return Failure(f"BuildKit does not support addresses with {scheme}://; {nearest(scheme.lower(), SCHEMES)}")
    if any(character.isspace() or not character.isprintable() for character in text):
        return Failure(f"{text!r} contains white space")
    return Success(text)


def socket_path(address: str) -> str | None:
    """The path of a ``unix`` address, else None. ``unix:PATH`` is accepted, as buildctl accepts it."""
    scheme, rest = _split(address)
    return rest if scheme == "unix" else None


def canonical(address: str, real_paths: Mapping[str, str]) -> str:
    """A form that is equal for two addresses of one daemon. ``real_paths`` maps paths of sockets to resolved paths."""
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
    """The container's or pod's name and the parameters ``names``, which are all that buildctl reads of such a URL."""
    from urllib.parse import parse_qsl  # seldom needed

    place, _, query = rest.partition("#")[0].partition("?")
    values = dict(reversed(parse_qsl(query, keep_blank_values=True)))  # the first value of a name counts
    name = place.partition("/")[0].rpartition("@")[2].partition(":")[0]
    return f"{name}?{'&'.join(f'{key}={values[key]}' for key in names if values.get(key))}"


def _split(address: str) -> tuple[str, str]:
    scheme, _, rest = address.strip().partition(":")
    return scheme.lower(), rest.removeprefix("//")


def _server(text: str, default_port: str) -> str:
    """``host:port`` in one form. Any other text is taken as a host without a port."""
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
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return name
    address = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    # The kernel connects to this machine when asked for the unspecified address.
    return _LOOPBACK if address.is_loopback or address.is_unspecified else str(address)
