"""Client certificates in secret files of type ``mtls``, and the dates between which they are valid.

The standard library shows these dates for a peer's certificate only, so :func:`validity` reads them from the DER
encoding (RFC 5280, section 4.1).
"""

import base64
import binascii
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.tls import ClientCertificate, UnusableTlsMaterial, load_client

Validity: TypeAlias = tuple[datetime, datetime]

_BEGIN_OF_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_END_OF_CERTIFICATE = "-----END CERTIFICATE-----"
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_BEFORE_VALIDITY = 3  # serial number, signature algorithm, issuer


def parse_client_certificate(text: str) -> Result[ClientCertificate, str]:
    """The certificate and key of ``{"certData": …, "privateKeyData": …}``; both values are base64 of PEM text."""
    values = unwrap_or_failure(json_object(text))
    if isinstance(values, str):
        return Failure(f"the file {values}; it must be an object with 'certData' and 'privateKeyData'")
    return Result.do(
        ClientCertificate(certificate, private_key)
        for certificate in _pem(values, "certData", "CERTIFICATE")
        for private_key in _pem(values, "privateKeyData", "PRIVATE KEY")
    )


def check(credential: ClientCertificate, now: datetime) -> Result[ClientCertificate, str]:
    """The credential, if key and certificate belong together and the certificate is valid at ``now``."""
    loaded = unwrap_or_failure(load_client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), credential))
    if isinstance(loaded, UnusableTlsMaterial):
        return Failure(f"'certData' and 'privateKeyData': {loaded}")
    dates = unwrap_or_failure(validity(_first_der(credential.certificate_pem)))
    if isinstance(dates, str):
        return Failure(f"'certData' contains a certificate whose {dates}")
    if now < dates[0]:
        return Failure(f"the certificate is not valid before {dates[0]:%Y-%m-%d %H:%M:%S} UTC; check the clock")
    if now > dates[1]:
        return Failure(f"the certificate expired on {dates[1]:%Y-%m-%d %H:%M:%S} UTC; get a new one")
    return Success(credential)


def _first_der(chain: bytes) -> bytes:
    """The client's own certificate: the first one in the chain; text before it is ignored."""
    _, _, rest = chain.decode("ascii").partition(_BEGIN_OF_CERTIFICATE)
    body, _, _ = rest.partition(_END_OF_CERTIFICATE)
    return binascii.a2b_base64(body)


def _pem(values: dict[str, object], name: str, label: str) -> Result[bytes, str]:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        return Failure(f"{name!r} is missing; it must be base64 of PEM text")
    try:
        pem = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return Failure(f"{name!r} is not base64 of PEM text")
    if not pem.isascii() or b"-----BEGIN " not in pem or f"{label}-----".encode() not in pem:
        return Failure(f"{name!r} does not contain a PEM block '{label}'")
    return Success(pem)


def validity(der: bytes) -> Result[Validity, str]:
    """The first and the last second of validity; a failure continues "a certificate whose …"."""
    try:
        certificate = _only(der, _SEQUENCE)
        fields = _elements(_only(certificate, _SEQUENCE))
        first = next(fields)
        for _ in range(_BEFORE_VALIDITY if first[0] == _VERSION else _BEFORE_VALIDITY - 1):
            next(fields)
        start, end = (_time(tag, content) for tag, content in _elements(_content(next(fields), _SEQUENCE)))
    except (ValueError, IndexError, StopIteration):
        return Failure("dates cannot be read")
    return Success((start, end))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and content of each element in ``der``, one after another."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at : at + octets], "big")
            at += octets
        if at + length > len(der):
            raise ValueError("truncated")
        yield tag, der[at : at + length]
        at += length


def _only(der: bytes, tag: int) -> bytes:
    return _content(next(_elements(der)), tag)


def _content(element: tuple[int, bytes], tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError("another element was expected")
    return element[1]


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # The year has two digits; 50 and above mean 19xx.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
