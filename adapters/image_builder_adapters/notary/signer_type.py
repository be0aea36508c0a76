"""The type ``notary``, as its entry point names it."""

from typing import Final

from image_builder_domain.configuration.signer_settings import NotarySettings
from image_builder_domain.configuration.signer_types import NOTARY as CONFIG
from image_builder_domain.signer_type import SignerType, Surroundings

from image_builder_adapters.notary.secret import secrets_of
from image_builder_adapters.notary.signer import NotarySigner


def _make(name: str, settings: NotarySettings, around: Surroundings) -> NotarySigner:
    return NotarySigner(name, settings, around.secrets)


NOTARY: Final = SignerType(CONFIG, _make, secrets=secrets_of)
