"""The signer type ``cosign``. Signer and verifier are imported when they are made."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from image_builder_domain.signer_type import SignerType, Surroundings

from image_builder_adapters.cosign.settings import COSIGN_CONFIG, CosignSettings

if TYPE_CHECKING:
    from image_builder_adapters.cosign.signer import CosignSigner
    from image_builder_adapters.cosign.verifier import CosignVerifier


def _make(name: str, settings: CosignSettings, around: Surroundings) -> "CosignSigner":
    from image_builder_adapters.cosign.signer import CosignSigner

    return CosignSigner(name, settings, around.environment, around.secrets)


def _make_verifier(name: str, settings: CosignSettings, around: Surroundings) -> "CosignVerifier":
    from image_builder_adapters.cosign.verifier import CosignVerifier

    return CosignVerifier(name, settings, around.environment, around.secrets)


def _secrets(settings: CosignSettings) -> Iterable[str]:
    from image_builder_adapters.known_secrets import secrets_of_files

    return secrets_of_files(path for path in (settings.key, settings.identity_token_file) if path is not None)


COSIGN: Final = SignerType(COSIGN_CONFIG, _make, _make_verifier, _secrets)
