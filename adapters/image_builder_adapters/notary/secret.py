"""Secret files of notary signers: read once, checked before the build, never shown.

No reason given here holds any content of the file. Source: the wire contract's checks, "Secret file".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, final

from image_builder_domain.configuration.signer_settings import NotarySettings, SecretKind, SignerSecret
from returns.methods import unwrap_or_failure
from returns.result import Result

from image_builder_adapters.http.tls import ClientCertificate
from image_builder_adapters.known_secrets import secret_text, secrets_in
from image_builder_adapters.notary.certificate import check, parse_client_certificate
from image_builder_adapters.notary.signify import Signify, parse_signify
from image_builder_adapters.secret_file import one_line, read_secret


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
