"""The type ``cosign``, as its entry point names it."""

from typing import Final

from image_builder_domain.signer_settings import CosignSettings
from image_builder_domain.signer_type import SignerType, Surroundings
from image_builder_domain.signer_types import COSIGN as CONFIG

from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.cosign.verifier import CosignVerifier


def _make(name: str, settings: CosignSettings, around: Surroundings) -> CosignSigner:
    return CosignSigner(name, settings, around.environment, around.secrets)


def _make_verifier(name: str, settings: CosignSettings, around: Surroundings) -> CosignVerifier:
    return CosignVerifier(name, settings, around.environment, around.secrets)


COSIGN: Final = SignerType(CONFIG, _make, _make_verifier)
