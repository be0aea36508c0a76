"""The environment that ``cosign`` sees: named one by one, so that no other secret of the job reaches it; pure."""

from collections.abc import Mapping
from typing import Final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.secret_name import is_secret

PASSWORD: Final = "COSIGN_PASSWORD"  # noqa: S105 (the variable's name)

_COMMON: Final = (
    *("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_SERVICES: Final = {
    "awskms": ("AWS_",),
    "gcpkms": ("GOOGLE_", "CLOUDSDK_"),
    "azurekms": ("AZURE_",),
    "hashivault": ("VAULT_", "TRANSIT_SECRET_ENGINE_PATH"),
}
KEY_SERVICES: Final = tuple(_SERVICES)
"""The schemes of references to key management services."""


def key_service(settings: CosignSettings) -> str | None:
    """The scheme of a key that is no file, None for a file or without a key."""
    scheme, found, _ = (settings.key or "").partition("://")
    return scheme if found else None


def cosign_environment(environment: Mapping[str, str], settings: CosignSettings) -> dict[str, str]:
    """The common variables, the password for a key file, and a key service's own variables for its keys alone."""
    service = key_service(settings)
    prefixes = _SERVICES.get(service, ()) if service is not None else ()
    names = (*_COMMON, PASSWORD) if settings.key is not None and service is None else _COMMON
    return {name: value for name, value in environment.items() if name in names or name.startswith(prefixes)}


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values that must not be shown, by their names."""
    return tuple(value for name, value in environment.items() if is_secret(name, value))
