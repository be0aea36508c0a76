"""Secret files of notary signers: read once, checked before the build, never shown.

No reason given here holds any content of the file. Source: the wire contract's checks, "Secret file".
"""

import base64
import binascii
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, final

from image_builder_domain.configuration.signer_settings import NotarySettings, SecretKind, SignerSecret
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.tls import ClientCertificate, UnusableTlsMaterial, load_client
from image_builder_adapters.known_secrets import secret_text, secrets_in
from image_builder_adapters.notary.signify import Signify, parse_signify
from image_builder_adapters.notary.validity import validity
from image_builder_adapters.secret_file import one_line, read_secret

_BEGIN_OF_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_END_OF_CERTIFICATE = "-----END CERTIFICATE-----"


@final
@dataclass(frozen=True, slots=True)
class Token:
    """What the service knows us by, protocol v1."""

    text: str = field(repr=False)


Credential: TypeAlias = Token | Signify | ClientCertificate
Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970."""


def read_credential(secret: SignerSecret, clock: Clock) -> Result[Credential, str]:
    """Read and check the file, or say what is wrong with it."""
    match secret.kind:
        case SecretKind.SIGNIFY:
            return read_secret(secret.path).bind(parse_signify)
        case SecretKind.TOKEN:
            return read_secret(secret.path).bind(parse_token)
        case SecretKind.MTLS:
            now = datetime.fromtimestamp(clock(), UTC)
            return read_secret(secret.path).bind(parse_client_certificate).bind(lambda found: check(found, now))


def secrets_of(settings: NotarySettings) -> Iterator[str]:
    """Everything secret in the file that ``settings`` name, whether or not it can be used."""
    secret = settings.secret
    text = secret_text(secret.path) if secret is not None else ""
    yield from secrets_in(text) if text else ()
    if text and secret is not None and secret.kind is SecretKind.SIGNIFY:
        signify = unwrap_or_failure(parse_signify(text))
        yield from signify.secrets() if isinstance(signify, Signify) else ()


def parse_token(text: str) -> Result[Credential, str]:
    """The token without the white space around it."""
    return one_line(text, "token").map(Token)


def parse_client_certificate(text: str) -> Result[ClientCertificate, str]:
    """The certificate and key of ``{"certData": …, "privateKeyData": …}``, both base64 of PEM text."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("the file is not JSON; it must be an object with 'certData' and 'privateKeyData'")
    values = content if isinstance(content, dict) else {}
    return Result.do(
        ClientCertificate(certificate, private_key)
        for certificate in _pem(values, "certData", "CERTIFICATE")
        for private_key in _pem(values, "privateKeyData", "PRIVATE KEY")
    )


def check(credential: ClientCertificate, now: datetime) -> Result[Credential, str]:
    """Whether key and certificate belong together, and the certificate is valid at ``now``."""
    loaded = unwrap_or_failure(load_client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), credential))
    if isinstance(loaded, UnusableTlsMaterial):
        return Failure(f"'certData' and 'privateKeyData': {loaded}")
    dates = unwrap_or_failure(validity(_first_der(credential.certificate_pem)))
    if isinstance(dates, str):
        return Failure(f"'certData' holds a certificate, but {dates}")
    if now < dates[0]:
        return Failure(f"the certificate is not valid before {dates[0]:%Y-%m-%d %H:%M:%S} UTC; check the clock")
    if now > dates[1]:
        return Failure(f"the certificate ended on {dates[1]:%Y-%m-%d %H:%M:%S} UTC; get a new one")
    return Success(credential)


def _first_der(chain: bytes) -> bytes:
    """The client's own certificate: the first in the chain, whatever text stands before it."""
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
        return Failure(f"{name!r} holds no PEM block '{label}'")
    return Success(pem)
