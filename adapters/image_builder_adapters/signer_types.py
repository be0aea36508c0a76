"""Types of signers by name: ours, and those that other packages bring. Ours cannot be replaced by a package's."""

from typing import TYPE_CHECKING, Any, Final

from image_builder_domain.configuration.signer_types import SIGNER_TYPES

from image_builder_adapters.foreign_type import ForeignTypes, KnownTypes, careful, unusable

if TYPE_CHECKING:
    from image_builder_domain.configuration.decoder import Decoder
    from image_builder_domain.configuration.signer_settings import SignerSettings
    from image_builder_domain.signer_type import SignerType

GROUP: Final = "image_builder.signers"


def signer_configurations() -> "KnownTypes[SignerSettings]":
    """The decoders of all types, for the configuration; a package that cannot be used is told where it is named."""
    return KnownTypes(SIGNER_TYPES, _foreign_decoder, lambda: _foreign().names())


def signer_type(name: str) -> "SignerType":
    """The type of a signer whose configuration was read; a foreign one's signers are kept from harming the run."""
    if name == "notary":
        from image_builder_adapters.notary.signer import NOTARY

        return NOTARY
    if name == "cosign":
        from image_builder_adapters.cosign.signer import COSIGN

        return COSIGN
    from image_builder_domain.signer_type import SignerType

    from image_builder_adapters.guarded_signer import guarded, guarded_secrets

    found = _found(name)
    if not isinstance(found, SignerType):
        raise LookupError(f"no type of signers is called {name!r}: such a configuration is refused before")
    return SignerType(found.config, guarded(found.make), found.make_verifier, guarded_secrets(found.secrets))


def _foreign() -> "ForeignTypes[SignerType]":
    from image_builder_domain.signer_type import SignerType

    return ForeignTypes(GROUP, SignerType, "type")


def _foreign_decoder(name: str) -> "Decoder[Any] | None":
    found = _found(name)
    if found is None:
        return None
    if isinstance(found, str):
        return unusable(found)
    return careful(found.config, f"a {name!r} signer", lambda settings: (settings.signs_indexes, settings.needs_tags))


def _found(name: str) -> "SignerType | str | None":
    from returns.methods import unwrap_or_failure  # costs as much as a bare start

    return unwrap_or_failure(_foreign().find(name))
