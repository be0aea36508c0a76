"""Checks of URLs that a registry chooses: its token service and its redirects.

Without them a registry could direct requests to the machine's own network, or have credentials sent unencrypted.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import final
from urllib.parse import SplitResult, urlsplit

from image_builder_adapters.http.client import is_loopback_host

_DEFAULT_PORTS = {"http": 80, "https": 443}


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; credentials are sent to one origin only."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True for exactly ``localhost``, 127.0.0.0/8 and ``::1``."""
        return is_loopback_host(self.host)


def origin(url: str) -> Origin | None:
    """The origin of an ``http`` or ``https`` URL; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname, port if port is not None else _DEFAULT_PORTS[parts.scheme])


def url_problem(url: str, registry: Origin) -> str | None:
    """Why a URL that ``registry`` chose must not be used; None if it may be.

    It must be https, or http on loopback for a registry that is itself reached by http. Its host must not be a private,
    link-local or loopback address, unless it is the registry's own host and port.
    """
    target = origin(url)
    if target is None:
        return "not an http or https URL"
    parts: SplitResult = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        return "the URL contains a user name or password"
    if target.scheme == "http" and not (registry.scheme == "http" and target.is_loopback):
        return "the URL is not https"
    if (target.host, target.port) != (registry.host, registry.port) and _is_inner(target.host, registry):
        return "its host is an address of a private network"
    return None


def _is_inner(host: str, registry: Origin) -> bool:
    name = host.rstrip(".").partition("%")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return not registry.is_loopback
    address = _address(name)
    return address is not None and (not address.is_global or address.is_multicast)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address of a literal in any form that a resolver accepts, such as ``127.1`` and ``0x7f000001``."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
