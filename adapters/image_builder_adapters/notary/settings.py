"""Settings of signers of type ``notary`` and their decoder (specification, section 2)."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.decoder import duration


class SecretKind(Enum):
    """How a notary secret file authenticates; ``MTLS`` speaks protocol v2, the others (and no secret) v1."""

    TOKEN = "token"
    SIGNIFY = "signify"
    MTLS = "mtls"


@final
@dataclass(frozen=True, slots=True)
class SignerSecret:
    """The path and the kind of a signer's secret; never its content."""

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
    def shown_endpoint(self) -> str:
        """The endpoint for messages: without the value of its query, which may be secret."""
        address, mark, _ = self.endpoint.partition("?")
        return f"{address}?…" if mark else address

    @property
    def signs_indexes(self) -> bool:
        """True under protocol v2, which signs manifests; v1 signs image configurations, which an index has none of."""
        return self.secret is not None and self.secret.kind is SecretKind.MTLS

    @property
    def needs_tags(self) -> bool:
        """True: both protocols sign a tag's name together with its digest."""
        return True


_ENDPOINT: Final = r"https?://[^\s/@?#]+(/[^\s?#]*)?(\?[^\s#]*)?"

_SECRET: Final = read.fields(
    {
        "path": read.text.about("The file that holds the secret; it is read before the build."),
        "type": read.choice(*(kind.value for kind in SecretKind)).about("How the secret authenticates."),
    },
    ("path", "type"),
).into(lambda values: SignerSecret(values["path"], SecretKind(values["type"])))


def _settings(values: dict[str, Any]) -> NotarySettings:
    return NotarySettings(
        values["endpoint"], values.get("timeout"), values.get("retry-timeout", 10.0), values.get("secret")
    )


NOTARY_CONFIG: Final = read.fields(
    {
        "endpoint": read.url(_ENDPOINT, "http or https URL without user or fragment").about("Where images are signed."),
        "timeout": duration().about("The longest time for one request.", default="5m"),
        "retry-timeout": duration(zero=True).about("The pause between two attempts.", default="10s"),
        "secret": _SECRET.about("What authenticates the job to the service."),
    },
    ("endpoint",),
).into(_settings)
"""``config`` of a signer of type ``notary``."""
