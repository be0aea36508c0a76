"""Throw-away certificates for stand-in servers: an authority, and what it issues. For tests and demos only.

Keys are ECDSA P-256. The extensions are those that OpenSSL's strict mode asks for (RFC 5280, section 4.2), which
Python 3.13 switches on. Needs ``cryptography`` (extra ``contracts``), so servers import this module when they need it.
"""

import base64
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, final

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError as error:
    _REMEDY = "certificates need 'cryptography'; install it with: pip install 'oci-image-builder[contracts]'"
    raise ImportError(_REMEDY) from error

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Validity = tuple[datetime, datetime]
"""From and until, both with a time zone."""


@final
@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM (the key PKCS #8, not encrypted)."""

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

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, name: str = "Local signing authority") -> Self:
        """A new authority, valid for a week."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(signs_certificates=True), True),
        )
        return cls(_certificate(_name(name), _name(name), (key, key), this_week(), extensions), key)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, PEM: what the other side has to trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_server(self, names: tuple[str, ...] = LOOPBACK_NAMES) -> KeyPair:
        """A server certificate for these host names and addresses."""
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        return self._issue(names[0], this_week(), ((usage, False), (alternatives, False)))

    def issue_client(self, valid: Validity | None = None, name: str = "image-builder") -> KeyPair:
        """A client certificate that servers which trust this authority let in."""
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(name, valid or this_week(), ((usage, False),))

    def _issue(self, name: str, valid: Validity, extensions: Iterable[tuple[x509.ExtensionType, bool]]) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        basic = (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(signs_certificates=False), True),
        )
        issuer = self._certificate.subject
        certificate = _certificate(_name(name), issuer, (key, self._key), valid, (*basic, *extensions))
        private_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), private_key)


def this_week() -> Validity:
    """From an hour ago (clocks differ) for seven days."""
    start = datetime.now(UTC) - timedelta(hours=1)
    return start, start + timedelta(days=7)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    keys: tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey],
    valid: Validity,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    own, signing = keys
    builder = (
        x509.CertificateBuilder(issuer, subject, own.public_key(), x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signing, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
