"""What the configuration says of a signer: where it is asked, and where its secret lies."""

from dataclasses import dataclass
from enum import Enum
from typing import final


class SecretKind(Enum):
    """How a notary secret file authenticates; ``MTLS`` speaks protocol v2, the others (and no secret) v1."""

    TOKEN = "token"  # noqa: S105 (a kind, not a token)
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
    """A signer of type ``notary``. ``timeout_seconds`` bounds each request, None leaves it to the HTTP client."""

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
