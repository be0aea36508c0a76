"""The engine ``kaniko``, as its entry point names it."""

from typing import Final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import EngineSurroundings, EngineType
from image_builder_domain.engine_types import ENGINE_TYPES
from image_builder_domain.ports import Cancellation

from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings


def _make(_settings: object, around: EngineSurroundings) -> KanikoEngine:
    return KanikoEngine(_own(around), around.registry)


def _examine(_settings: object, around: EngineSurroundings, cancellation: Cancellation) -> tuple[Finding, ...]:
    from image_builder_adapters.kaniko.examination import examine_kaniko

    return examine_kaniko(KanikoEngine(_own(around), around.registry), _own(around), cancellation)


def _own(around: EngineSurroundings) -> KanikoSettings:
    return KanikoSettings(around.environment, around.log_format, around.single_build, around.user)


KANIKO: Final = EngineType(ENGINE_TYPES["kaniko"], _make, _examine)
