"""The engine ``kaniko``, to which its entry point leads. The engine's own modules are imported when it is made."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

from image_builder_domain.build import BuildRequest
from image_builder_domain.configuration import decoder as read
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import CacheLayout, EngineSurroundings, EngineTraits, EngineType
from image_builder_domain.ports import Cancellation

from image_builder_adapters.kaniko.command import refusal

if TYPE_CHECKING:
    from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings


@final
@dataclass(frozen=True, slots=True)
class KanikoKeys:
    """The key ``engines.kaniko`` (an ``EngineSettings``), which has no keys below it."""

    def refusal(self, request: BuildRequest) -> str | None:
        """Implement ``EngineSettings.refusal``."""
        return refusal(request)


def _make(_settings: object, around: EngineSurroundings) -> "KanikoEngine":
    from image_builder_adapters.kaniko.engine import KanikoEngine

    return KanikoEngine(_own(around), around.layouts)


def _examine(settings: object, around: EngineSurroundings, cancellation: Cancellation) -> tuple[Finding, ...]:
    from image_builder_adapters.kaniko.examination import examine_kaniko

    return examine_kaniko(_make(settings, around), _own(around), cancellation)


def _own(around: EngineSurroundings) -> "KanikoSettings":
    from image_builder_adapters.kaniko.engine import KanikoSettings

    settings = KanikoSettings(around.environment, around.log_format, around.single_build, around.user)
    return replace(settings, learn=around.secrets.learn)


KANIKO: Final = EngineType(
    read.fields({}).into(lambda _: KanikoKeys()).about("It has none."),
    _make,
    _examine,
    EngineTraits(cache_layout=CacheLayout.ONE_REPOSITORY, strips_timestamps=True),
)
