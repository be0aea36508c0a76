"""Command lines of ``cosign``: pure, and without anything secret.

What is signed is always ``repository@digest``, never a tag. An index is signed as itself: its children are other
digests, which nobody asked to sign, so ``--recursive`` is not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.image.reference import Digest, Repository
from image_builder_domain.secret_name import is_secret

SIGNING_CONFIG_PLACEHOLDER = "<signing config without services>"
DIGEST_PLACEHOLDER = Digest("<digest>")
TRUSTED_ROOT_PLACEHOLDER = "<empty trusted root>"


@final
@dataclass(frozen=True, slots=True)
class Subject:
    """What one signature is for."""

    repository: Repository
    digest: Digest

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


@final
@dataclass(frozen=True, slots=True)
class Files:
    """Paths of what the settings name, or of what was made in its place; None lets cosign ask the public services.

    ``docker_folder`` is where cosign looks for credentials.
    """

    identity_token: str | None = None
    signing_config: str | None = None
    trusted_root: str | None = None
    docker_folder: str = ""


def files_of(settings: CosignSettings, signing_config: str, trusted_root: str) -> Files:
    """The settings' own files; without a transparency log the two given ones stand for what is not named."""
    alone = not settings.transparency_log
    return Files(
        settings.identity_token_file,
        settings.signing_config or (signing_config if alone else None),
        settings.trusted_root or (trusted_root if alone else None),
    )


def sign_command(settings: CosignSettings, files: Files, subject: Subject) -> tuple[str, ...]:
    """Sign one digest and push the signature beside it."""
    keyless = ("--oidc-disable-ambient-providers", *_option("--identity-token", files.identity_token))
    return (
        *("cosign", "sign", "--yes"),
        *(_option("--key", settings.key) or keyless),
        *_option("--signing-config", files.signing_config),
        *_option("--trusted-root", files.trusted_root),
        *_plain_http(subject),
        str(subject),
    )


def verify_command(settings: CosignSettings, files: Files, subject: Subject) -> tuple[str, ...]:
    """Ask the registry for the signature, and check it against what the settings say it must be."""
    return (
        *("cosign", "verify", "--output", "json"),
        *_option("--key", settings.public_key or settings.key),
        *_option("--certificate-identity", settings.certificate_identity),
        *_option("--certificate-oidc-issuer", settings.certificate_oidc_issuer),
        *_option("--trusted-root", files.trusted_root),
        *(() if settings.transparency_log else ("--insecure-ignore-tlog=true",)),
        *_plain_http(subject),
        str(subject),
    )


def public_key_command(key: str) -> tuple[str, ...]:
    """Print the public key of a key file, which shows that the file and its password are good."""
    return ("cosign", "public-key", "--key", key)


def signing_config_command(path: str) -> tuple[str, ...]:
    """Write a signing config without any service: no log, no certificate authority, no time stamps."""
    return ("cosign", "signing-config", "create", "--out", path)


def trusted_root_command(path: str) -> tuple[str, ...]:
    """Write a trusted root that trusts nobody; else cosign would fetch the public one, which a key needs nothing of."""
    return ("cosign", "trusted-root", "create", "--out", path)


def _option(name: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (name, value)


def _plain_http(subject: Subject) -> tuple[str, ...]:
    return ("--allow-http-registry",) if subject.repository.is_loopback else ()


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
