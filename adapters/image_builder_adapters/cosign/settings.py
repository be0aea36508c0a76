"""Settings of signers of type ``cosign`` and their decoder (specification, section 2)."""

from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.rule import Exclusive, Needs

_ISSUER: Final = r"https://[^\s/@?#]+(/[^\s?#]*)?"


@final
@dataclass(frozen=True, slots=True)
class CosignSettings:
    """A signer of type ``cosign``; all texts are paths, KMS references or values that a certificate must hold.

    Either ``key``, a file or KMS reference, with its ``public_key`` (not needed for a KMS); or
    ``identity_token_file`` with ``certificate_identity`` and ``certificate_oidc_issuer``, which verification asks for.
    """

    key: str | None = None
    identity_token_file: str | None = None
    public_key: str | None = None
    certificate_identity: str | None = None
    certificate_oidc_issuer: str | None = None
    signing_config: str | None = None
    trusted_root: str | None = None
    transparency_log: bool = True

    @property
    def signs_indexes(self) -> bool:
        """True: cosign signs any digest."""
        return True

    @property
    def needs_tags(self) -> bool:
        """False: cosign signs digests."""
        return False


def _settings(values: dict[str, Any]) -> CosignSettings:
    return CosignSettings(**{name.replace("-", "_"): value for name, value in values.items()})


COSIGN_CONFIG: Final = read.fields(
    {
        "key": read.text.about("The private key: a file, or a reference to a key management service."),
        "identity-token-file": read.text.about("Keyless: the file that holds the job's OIDC identity token."),
        "public-key": read.text.about("The public key that verifies the signature; not needed with a KMS key."),
        "certificate-identity": read.text.about("Keyless: the identity that the certificate must name."),
        "certificate-oidc-issuer": read.url(_ISSUER, "https URL without user or query").about(
            "Keyless: who must have vouched for it."
        ),
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
).into(_settings)
"""``config`` of a signer of type ``cosign``."""
