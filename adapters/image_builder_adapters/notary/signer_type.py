"""The signer type ``notary``. The signer is imported when it is made."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from image_builder_domain.signer_type import SignerType, Surroundings

from image_builder_adapters.notary.settings import NOTARY_CONFIG, NotarySettings

if TYPE_CHECKING:
    from image_builder_adapters.notary.signer import NotarySigner


def _make(name: str, settings: NotarySettings, around: Surroundings) -> "NotarySigner":
    from image_builder_adapters.notary.signer import NotarySigner

    return NotarySigner(name, settings, around.secrets)


def _secrets(settings: NotarySettings) -> Iterable[str]:
    from image_builder_adapters.notary.secret import secrets_of

    return secrets_of(settings)


NOTARY: Final = SignerType(NOTARY_CONFIG, _make, secrets=_secrets)
