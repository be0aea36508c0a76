"""Command lines of ``cosign``, which hold no secrets, and the environment it runs in.

The subject of a signature is always ``repository@digest``, never a tag. An index is signed by its own digest;
``--recursive`` would also sign the digests of its children, which are not part of the request. The environment lists
variables by name, so that no other secret of the job reaches cosign.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.image.reference import Digest, Repository
from image_builder_domain.secret_name import is_secret

from image_builder_adapters.cosign.settings import CosignSettings

SIGNING_CONFIG_PLACEHOLDER = "<signing config without services>"
DIGEST_PLACEHOLDER = Digest("<digest>")
TRUSTED_ROOT_PLACEHOLDER = "<empty trusted root>"
PASSWORD: Final = "COSIGN_PASSWORD"

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


@final
@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of one signature."""

    repository: Repository
    digest: Digest

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


@final
@dataclass(frozen=True, slots=True)
class Files:
    """Paths of the files that the settings name, or of generated ones; with None, cosign uses the public services.

    ``docker_folder`` is the folder of the Docker configuration that cosign reads.
    """

    identity_token: str | None = None
    signing_config: str | None = None
    trusted_root: str | None = None
    docker_folder: str = ""


def files_of(settings: CosignSettings, signing_config: str, trusted_root: str) -> Files:
    """The files in the settings; without a transparency log, the two given ones replace those that are missing."""
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
    """Verify the signature in the registry with the key or identity in the settings."""
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
    """Print the public key of a key file, which fails unless the file and its password are valid."""
    return ("cosign", "public-key", "--key", key)


def signing_config_command(path: str) -> tuple[str, ...]:
    """Write a signing config without services: no log, no certificate authority, no time stamps."""
    return ("cosign", "signing-config", "create", "--out", path)


def trusted_root_command(path: str) -> tuple[str, ...]:
    """Write an empty trusted root; without one, cosign would download the public root, which a key does not need."""
    return ("cosign", "trusted-root", "create", "--out", path)


def _option(name: str, value: str | None) -> tuple[str, ...]:
    return () if value is None else (name, value)


def _plain_http(subject: Subject) -> tuple[str, ...]:
    return ("--allow-http-registry",) if subject.repository.is_loopback else ()


def key_service(settings: CosignSettings) -> str | None:
    """The scheme of a key in a key management service; None for a file or without a key."""
    scheme, found, _ = (settings.key or "").partition("://")
    return scheme if found else None


def cosign_environment(environment: Mapping[str, str], settings: CosignSettings) -> dict[str, str]:
    """The common variables, plus the password for a key file, or the variables of the key management service."""
    service = key_service(settings)
    prefixes = _SERVICES.get(service, ()) if service is not None else ()
    names = (*_COMMON, PASSWORD) if settings.key is not None and service is None else _COMMON
    return {name: value for name, value in environment.items() if name in names or name.startswith(prefixes)}


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values of variables whose names mark them as secret."""
    return tuple(value for name, value in environment.items() if is_secret(name, value))
