"""Secret files of notary signers: read once, checked before the build, never shown.

No reason given here holds any content of the file. Source: the wire contract's checks, "Secret file".
"""

import base64
import binascii
import json
import logging
import os
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, final

from image_builder_domain.signer_settings import SecretKind, SignerSecret
from returns.methods import unwrap_or_failure
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from image_builder_adapters.notary.validity import validity

LARGEST_SECRET = 1 << 20

_logger = logging.getLogger(__name__)
_BEGIN_OF_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_END_OF_CERTIFICATE = "-----END CERTIFICATE-----"


@final
@dataclass(frozen=True, slots=True)
class Token:
    """What the service knows us by, protocol v1."""

    text: str = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate chain and its private key, PEM, protocol v2."""

    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)


Credential: TypeAlias = Token | ClientCertificate
Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970."""


def read_credential(secret: SignerSecret, clock: Clock) -> Result[Credential, str]:
    """Read and check the file, or say what is wrong with it."""
    match secret.kind:
        case SecretKind.SIGNIFY:
            return Failure("a secret of type 'signify' is not supported yet; use 'token' or 'mtls'")
        case SecretKind.TOKEN:
            return _read_text(secret.path).bind(parse_token)
        case SecretKind.MTLS:
            now = datetime.fromtimestamp(clock(), UTC)
            return _read_text(secret.path).bind(parse_client_certificate).bind(lambda found: check(found, now))


def parse_token(text: str) -> Result[Credential, str]:
    """The token without the white space around it; what cannot stand in an HTTP header is refused."""
    token = text.strip()
    if not token:
        return Failure("the file is empty; it must hold the token")
    if not (token.isascii() and token.isprintable()):
        return Failure("the token holds a line break or another character that no HTTP header can carry")
    return Success(Token(token))


def parse_client_certificate(text: str) -> Result[Credential, str]:
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


def check(credential: Credential, now: datetime) -> Result[Credential, str]:
    """Whether key and certificate belong together, and the certificate is valid at ``now``."""
    if isinstance(credential, Token):
        return Success(credential)
    loaded = load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), credential)
    if not is_successful(loaded):
        return Failure(loaded.failure())
    dates = unwrap_or_failure(validity(_first_der(credential.certificate)))
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


def load_client_certificate(context: ssl.SSLContext, credential: ClientCertificate) -> Result[ssl.SSLContext, str]:
    """Give ``context`` the certificate. OpenSSL only reads files, so this is one that lives in memory alone."""
    memory = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        with open(memory, "wb", closefd=False) as file:
            file.write(credential.certificate + b"\n" + credential.private_key)
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(f"/proc/self/fd/{memory}", password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        return Failure(_load_problem(error))
    finally:
        os.close(memory)
    return Success(context)


def _load_problem(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "'privateKeyData' is not the key of the certificate in 'certData'"
    return "'certData' and 'privateKeyData' cannot be loaded as certificate and unencrypted private key"


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


def _read_text(path: str) -> Result[str, str]:
    """The file as text, without a byte order mark."""
    try:
        # A pipe must not block us; O_NONBLOCK means nothing to a regular file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return Failure("is no regular file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(LARGEST_SECRET + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        return Failure(f"cannot be read: {error.strerror}")
    except ValueError:
        return Failure("is no path")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        _logger.warning("%s: the secret can be read by others than its owner; make its mode 0600", path)
    return _decode(content)


def _decode(content: bytes) -> Result[str, str]:
    if len(content) > LARGEST_SECRET:
        return Failure("is larger than 1 MiB; it must hold one secret")
    try:
        return Success(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Failure("is not UTF-8 text")
