"""The type ``cosign``, as its entry point names it."""

from collections.abc import Iterator
from typing import Final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.configuration.signer_types import COSIGN as CONFIG
from image_builder_domain.signer_type import SignerType, Surroundings

from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.cosign.verifier import CosignVerifier
from image_builder_adapters.known_secrets import secrets_of_files


def _make(name: str, settings: CosignSettings, around: Surroundings) -> CosignSigner:
    return CosignSigner(name, settings, around.environment, around.secrets)


def _make_verifier(name: str, settings: CosignSettings, around: Surroundings) -> CosignVerifier:
    return CosignVerifier(name, settings, around.environment, around.secrets)


def _secrets(settings: CosignSettings) -> Iterator[str]:
    return secrets_of_files(path for path in (settings.key, settings.identity_token_file) if path is not None)


COSIGN: Final = SignerType(CONFIG, _make, _make_verifier, _secrets)
