"""What the configuration says of a signer: where it is asked, and where its secret lies."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, final

from image_builder_domain.job.state import JobType


class SignerSettings(Protocol):
    """The settings of a signer of any type, as its own decoder made them of ``config``."""

    @property
    def signs_indexes(self) -> bool:
        """True when it can sign an image of several platforms."""

    @property
    def needs_tags(self) -> bool:
        """True when it signs the names of tags, and not digests alone."""


@final
@dataclass(frozen=True, slots=True)
class SignerDefinition:
    """One entry of ``sign-config.signers``. No ``job_types`` means every trusted one."""

    name: str
    type: str
    job_types: tuple[JobType, ...]
    settings: SignerSettings
    where: str


class SecretKind(Enum):
    """How a notary secret file authenticates; ``MTLS`` speaks protocol v2, the others (and no secret) v1."""

    TOKEN = "token"
    SIGNIFY = "signify"
    MTLS = "mtls"


@final
@dataclass(frozen=True, slots=True)
class SignerSecret:
    """Where a signer's secret lies and what kind it is; never its content."""

    path: str
    kind: SecretKind


@final
@dataclass(frozen=True, slots=True)
class NotarySettings:
    """A signer of type ``notary``. ``timeout_seconds`` bounds each request, None leaves it to the signer."""

    endpoint: str
    timeout_seconds: float | None = None
    retry_seconds: float = 10.0
    secret: SignerSecret | None = None

    @property
    def signs_indexes(self) -> bool:
        """True under protocol v2, which signs manifests; v1 signs image configurations, which an index has none of."""
        return self.secret is not None and self.secret.kind is SecretKind.MTLS

    @property
    def needs_tags(self) -> bool:
        """True: both protocols sign a tag's name together with its digest."""
        return True


@final
@dataclass(frozen=True, slots=True)
class CosignSettings:
    """A signer of type ``cosign``; all texts are paths, KMS references or what a certificate must say.

    Either ``key``, a file or KMS reference, with its ``public_key`` (which a KMS tells by itself); or
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
        """True: cosign signs a digest, whatever it is of."""
        return True

    @property
    def needs_tags(self) -> bool:
        """False: cosign signs digests."""
        return False
