"""The types of signers that are built in, each with the decoder of its ``config`` (specification, section 2).

A type from another package brings its own decoder, made of :mod:`image_builder_domain.configuration.decoder`. It
returns any :class:`~image_builder_domain.configuration.signer_settings.SignerSettings`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.decoder import duration
from image_builder_domain.configuration.rule import Exclusive, Needs
from image_builder_domain.configuration.signer_settings import (
    CosignSettings,
    NotarySettings,
    SecretKind,
    SignerSecret,
    SignerSettings,
)

_ENDPOINT = r"https?://[^\s/@?#]+(/[^\s?#]*)?"
_ISSUER = r"https://[^\s/@?#]+(/[^\s?#]*)?"


def _url(pattern: str, what: str) -> read.Decoder[str]:
    def checked(url: str) -> Result[str, str]:
        return Success(url) if re.fullmatch(pattern, url) else Failure(f"this is no {what} without user or query")

    return read.plain_text.parsed(checked, "write https://host/path", pattern=f"^{pattern}$")


_SECRET = read.fields(
    {
        "path": read.text.about("The file that holds the secret; it is read before the build."),
        "type": read.choice(*(kind.value for kind in SecretKind)).about("How the secret authenticates."),
    },
    ("path", "type"),
).into(lambda values: SignerSecret(values["path"], SecretKind(values["type"])))


def _notary(values: dict[str, Any]) -> SignerSettings:
    return NotarySettings(
        values["endpoint"], values.get("timeout"), values.get("retry-timeout", 10.0), values.get("secret")
    )


NOTARY: Final = read.fields(
    {
        "endpoint": _url(_ENDPOINT, "http or https URL").about("Where images are signed."),
        "timeout": duration().about("The longest time for one request.", default="5m"),
        "retry-timeout": duration(zero=True).about("The pause between two attempts.", default="10s"),
        "secret": _SECRET.about("What authenticates the job to the service."),
    },
    ("endpoint",),
).into(_notary)
"""``config`` of a signer of type ``notary``."""


def _cosign(values: dict[str, Any]) -> SignerSettings:
    return CosignSettings(**{name.replace("-", "_"): value for name, value in values.items()})


COSIGN: Final = read.fields(
    {
        "key": read.text.about("The private key: a file, or a reference to a key management service."),
        "identity-token-file": read.text.about("Keyless: the file that holds the job's OIDC identity token."),
        "public-key": read.text.about("What the signature is verified with; a KMS key tells it by itself."),
        "certificate-identity": read.text.about("Keyless: the identity that the certificate must name."),
        "certificate-oidc-issuer": _url(_ISSUER, "https URL").about("Keyless: who must have vouched for it."),
        "signing-config": read.text.about("File that names the services of a private Sigstore."),
        "trusted-root": read.text.about("File with the roots of trust of a private Sigstore."),
        "transparency-log": read.boolean.about("Whether the signature is published in the log.", default=True),
    },
    rules=(
        Exclusive("key", "identity-token-file", needed=True),
        Exclusive("public-key", "identity-token-file", remedy="keyless signatures are verified by their certificate"),
        Exclusive("key", "certificate-identity", remedy="a key has no certificate; give its public-key"),
        Exclusive("key", "certificate-oidc-issuer", remedy="a key has no certificate; give its public-key"),
        Needs("key", "public-key", unless="://", remedy="the signature is verified with it"),
        Needs("identity-token-file", "certificate-identity", remedy="the signature is verified by it"),
        Needs("identity-token-file", "certificate-oidc-issuer", remedy="the signature is verified by it"),
    ),
).into(_cosign)
"""``config`` of a signer of type ``cosign``."""

SIGNER_TYPES: Final[Mapping[str, read.Decoder[SignerSettings]]] = {"notary": NOTARY, "cosign": COSIGN}
"""The built-in types by the name that ``type`` says."""
