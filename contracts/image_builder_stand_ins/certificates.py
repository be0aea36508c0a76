"""Throw-away certificates for stand-in servers, made by ``trustme``. For tests and demos only.

They satisfy OpenSSL's strict mode (RFC 5280, section 4.2), which Python 3.13 switches on. ``trustme`` comes with the
extra ``contracts``; the commands that need no certificate work without it, so they import this module late.
"""

import base64
import json
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self, final

try:
    import trustme
except ImportError as error:
    _HINT: Final = "certificates need 'trustme'; install it with: pip install 'oci-image-builder[contracts]'"
    raise ImportError(_HINT) from error

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")

Validity = tuple[datetime, datetime]
"""From and until, both with a time zone."""


@final
@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM, the key not encrypted."""

    certificate: bytes
    private_key: bytes

    def __repr__(self) -> str:
        return "KeyPair(…)"

    def as_secret(self) -> bytes:
        """The secret file of a signer with ``type: mtls``: JSON with both values as base64 of PEM text."""
        values = {"certData": self.certificate, "privateKeyData": self.private_key}
        return json.dumps({name: base64.b64encode(value).decode() for name, value in values.items()}).encode()


@final
class Authority:
    """A certificate authority that lives in memory."""

    def __init__(self, name: str = "Local signing authority") -> None:
        self._made = trustme.CA(organization_unit_name=name, path_length=0)

    @classmethod
    def create(cls, name: str = "Local signing authority") -> Self:
        """A new authority."""
        return cls(name)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, PEM: what the other side has to trust."""
        return self._made.cert_pem.bytes()

    def issue_server(self, names: tuple[str, ...] = LOOPBACK_NAMES) -> KeyPair:
        """A server certificate for these host names and addresses."""
        return _pair(self._made.issue_cert(*names))

    def issue_client(self, valid: Validity | None = None, name: str = "image-builder") -> KeyPair:
        """A client certificate that servers which trust this authority accept."""
        start, end = valid or (None, None)
        return _pair(self._made.issue_cert(name, common_name=name, not_before=start, not_after=end))


@final
@dataclass(frozen=True, slots=True)
class MutualTls:
    """An authority, and a server context that accepts only clients with a certificate of that authority."""

    authority: Authority
    server_context: ssl.SSLContext


def mutual_tls() -> MutualTls:
    """Make a new authority and a server context for loopback, TLS 1.2 or newer."""
    authority = Authority.create()
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate.decode())
    return MutualTls(authority, context)


def server_context(authority: Authority) -> ssl.SSLContext:
    """A server context for loopback, TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    pair = authority.issue_server()
    with tempfile.NamedTemporaryFile(prefix="stand-in-", suffix=".pem") as file:
        Path(file.name).write_bytes(pair.certificate + pair.private_key)
        context.load_cert_chain(file.name)
    return context


def _pair(issued: trustme.LeafCert) -> KeyPair:
    return KeyPair(issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
