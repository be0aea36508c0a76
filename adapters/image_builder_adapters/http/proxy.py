"""Which proxy a request goes through: the rules of Go's ``golang.org/x/net/http/httpproxy``, which our engines follow.

``HTTPS_PROXY`` is for https, ``HTTP_PROXY`` for http, and ``NO_PROXY`` names hosts that are reached directly; the names
in lower case count where the others are empty. ``ALL_PROXY`` is ignored. An entry of ``NO_PROXY`` is an address, a
range (``10.0.0.0/8``, ``fd00::/8``), a name (which covers the names below it), ``.name`` or ``*.name`` (only the names
below it), each but a range with an optional port, or ``*``. ``localhost`` and loopback addresses never use a proxy.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final
from urllib.parse import SplitResult, urlsplit

from returns.result import Failure, Result, Success

PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

_PORTS: Final = {"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
_SCHEMES: Final = frozenset(_PORTS)

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@final
@dataclass(frozen=True, slots=True)
class _Name:
    """A name of ``NO_PROXY``. ``suffix`` begins with a dot; ``itself`` says whether the bare name matches, too."""

    suffix: str
    port: str
    itself: bool

    def covers(self, host: str, port: str) -> bool:
        is_named = host.endswith(self.suffix) or (self.itself and host == self.suffix[1:])
        return is_named and self.port in ("", port)


@final
@dataclass(frozen=True, slots=True)
class Exceptions:
    """The content of ``NO_PROXY``."""

    everything: bool = False
    networks: tuple[tuple[_Network, str], ...] = ()
    names: tuple[_Name, ...] = ()

    def cover(self, host: str, port: str) -> bool:
        """Whether this host (without brackets) is reached directly."""
        if host == "localhost":
            return True
        address = _address(host.partition("%")[0])
        if address is None:
            return self.everything or any(name.covers(host.strip().lower(), port) for name in self.names)
        if address.is_loopback or self.everything:
            return True
        return any(
            address.version == network.version and address in network and only in ("", port)
            for network, only in self.networks
        )


@final
@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one environment. Their URLs may hold a password, so they are not in ``repr``."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    exceptions: Exceptions = Exceptions()
    is_cgi: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Proxies":
        """Read the variables."""
        http, https, direct = (_any(environment, name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"))
        return cls(
            _proxy_url(http), _proxy_url(https), read_exceptions(direct), bool(environment.get("REQUEST_METHOD"))
        )

    def of_url(self, url: str) -> Result[str | None, str]:
        """The URL of the proxy; None to go directly; or why it cannot be used. ``url`` is http or https.

        Raises ``ValueError`` for a malformed ``url``.
        """
        parts = urlsplit(url)
        name, proxy = ("HTTPS_PROXY", self.https) if parts.scheme == "https" else ("HTTP_PROXY", self.http)
        port = str(parts.port) if parts.port is not None else _PORTS.get(parts.scheme, "")
        if proxy and self.is_cgi and parts.scheme == "http":
            # A CGI program gets the request's header "Proxy" as HTTP_PROXY (https://httpoxy.org).
            return Failure("HTTP_PROXY is not used where REQUEST_METHOD is set; unset one of them")
        if not proxy or self.exceptions.cover(_ascii(parts.hostname or ""), port):
            return Success(None)
        scheme = proxy.partition("://")[0]
        if scheme not in _SCHEMES:
            return Failure(f"{name} has the scheme {scheme[:40]!r}; use http, https or socks5, or unset it")
        return Success(proxy)


def read_exceptions(text: str) -> Exceptions:
    """The entries of ``NO_PROXY``; malformed ones are ignored."""
    networks: list[tuple[_Network, str]] = []
    names: list[_Name] = []
    for entry in (part.strip().lower() for part in text.split(",")):
        if entry == "*":
            return Exceptions(everything=True)
        network = _network(entry)
        if network is not None:
            networks.append((network, ""))
            continue
        host, port = _split_port(entry) or (entry, "")
        address = _address(host)
        if address is not None:
            networks.append((ipaddress.ip_network(address), port))
        elif host:
            dotted = host.removeprefix("*") if host.startswith("*.") else host
            itself = not dotted.startswith(".")
            names.append(_Name(_ascii(f".{dotted}" if itself else dotted), port, itself))
    return Exceptions(False, tuple(networks), tuple(names))


def _any(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _proxy_url(text: str) -> str:
    """The URL in a variable, with ``http://`` in front if it has no scheme; empty for one that Go ignores."""
    for url in (text, f"http://{text}") if text else ():
        parts = _split(url)
        if parts is not None and parts.scheme and parts.netloc:
            return f"{parts.scheme}{url[len(parts.scheme) :]}"
    return ""


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    is_plain = url.isprintable() and " " not in url
    return parts if is_plain else None


def _network(entry: str) -> _Network | None:
    """A range in the form of Go's ``ParseCIDR``: an address, a slash and a number of bits."""
    address, _, bits = entry.partition("/")
    if not (bits.isascii() and bits.isdigit()) or _bare_address(address) is None:
        return None
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    return ipaddress.ip_network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network


def _address(text: str) -> _Address | None:
    """An address; one of IPv4 that is written as one of IPv6 equals the former, as in Go."""
    address = _bare_address(text)
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _bare_address(text: str) -> _Address | None:
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def _split_port(text: str) -> tuple[str, str] | None:
    """Go's ``net.SplitHostPort``: None if there is no port, or the host of an IPv6 address lacks its brackets."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return None
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        return (inner, port) if bracket and rest == f":{port}" and not {"[", "]"} & {*inner, *port} else None
    return None if ":" in host or {"[", "]"} & set(text) else (host, port)


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    dot = "." if host.startswith(".") else ""
    try:
        return dot + host.removeprefix(".").encode("idna").decode("ascii")
    except UnicodeError:
        return host
