"""Secret files of notary signers: read once, checked before the build, never shown.

Reasons of failures do not quote the file. Source: the wire contract's checks, "Secret file".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, final

from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import one_line, read_secret
from image_builder_adapters.http.tls import ClientCertificate
from image_builder_adapters.known_secrets import secret_text, secrets_in
from image_builder_adapters.notary.certificate import check, parse_client_certificate
from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_adapters.notary.signify import Signify, parse_signify


@final
@dataclass(frozen=True, slots=True)
class Token:
    """A token for protocol v1."""

    text: str = field(repr=False)


Credential: TypeAlias = Token | Signify | ClientCertificate
Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970."""


def read_credential(secret: SignerSecret, clock: Clock) -> Result[Credential, str]:
    """The credential in the secret file, or what is wrong with the file."""
    content = read_secret(secret.path)
    if secret.kind is not SecretKind.MTLS:
        content = content.bind(_not_of_mtls)
    match secret.kind:
        case SecretKind.SIGNIFY:
            return content.bind(parse_signify)
        case SecretKind.TOKEN:
            return content.bind(lambda text: one_line(text, "token")).map(Token)
        case SecretKind.MTLS:
            now = datetime.fromtimestamp(clock(), UTC)
            return content.bind(parse_client_certificate).bind(lambda certificate: check(certificate, now))


def _not_of_mtls(text: str) -> Result[str, str]:
    """Refuse the file of a secret of another type by that type's name."""
    if {"certData", "privateKeyData"} <= set(json_object(text).value_or({})):
        return Failure("holds a client certificate, which is a secret of type mtls; write 'type: mtls'")
    return Success(text)


def secrets_of(settings: NotarySettings) -> Iterator[str]:
    """Every secret in the file that ``settings`` name, even if the file is not valid."""
    secret = settings.secret
    text = secret_text(secret.path) if secret is not None else ""
    yield from secrets_in(text) if text else ()
    if text and secret is not None and secret.kind is SecretKind.SIGNIFY:
        signify = unwrap_or_failure(parse_signify(text))
        yield from signify.secrets() if isinstance(signify, Signify) else ()
