"""Types of engines by name: ours, and those that other packages bring. Ours cannot be replaced by a package's."""

from typing import TYPE_CHECKING, Any, Final

from image_builder_domain.engine_types import ENGINE_TYPES
from image_builder_domain.plan.backend import OWN_BACKENDS

from image_builder_adapters.foreign_type import ForeignTypes, KnownTypes, careful, unusable

if TYPE_CHECKING:
    from image_builder_domain.configuration.decoder import Decoder
    from image_builder_domain.engine_type import EngineSettings, EngineType

GROUP: Final = "image_builder.engines"


def engine_configurations() -> "KnownTypes[EngineSettings]":
    """The decoders of all engines, for the configuration; a package that cannot be used is told where it is named."""
    return KnownTypes(
        ENGINE_TYPES,
        lambda name: None if name in OWN_BACKENDS else _foreign_decoder(name),
        lambda: (name for name in _foreign().names() if name not in OWN_BACKENDS),
    )


def engine_type(name: str) -> "EngineType":
    """The type of an engine whose settings were read; a foreign one's engines are kept from harming the run."""
    if name == "kaniko":
        from image_builder_adapters.kaniko.engine_type import KANIKO

        return KANIKO
    if name == "buildkit":
        from image_builder_adapters.buildkit.engine_type import BUILDKIT

        return BUILDKIT
    from image_builder_domain.engine_type import EngineType

    from image_builder_adapters.guarded_engine import guarded

    found = _found(name)
    if not isinstance(found, EngineType):
        raise LookupError(f"no engine is called {name!r}: such a command line is refused before")
    return EngineType(found.config, guarded(name, found.make), found.examine)


def _foreign() -> "ForeignTypes[EngineType]":
    from image_builder_domain.engine_type import EngineType

    return ForeignTypes(GROUP, EngineType, "engine")


def _foreign_decoder(name: str) -> "Decoder[Any] | None":
    found = _found(name)
    if found is None:
        return None
    if isinstance(found, str):
        return unusable(found)
    from image_builder_adapters.guarded_engine import GuardedSettings

    decoder = careful(found.config, f"the engine {name!r}", lambda settings: settings.refusal)
    return decoder.into(lambda settings: GuardedSettings(name, settings))


def _found(name: str) -> "EngineType | str | None":
    from returns.methods import unwrap_or_failure  # costs as much as a bare start

    return unwrap_or_failure(_foreign().find(name))
