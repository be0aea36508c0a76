"""The engine ``buildkit``, as its entry point names it."""

import os
from typing import Final

from image_builder_domain.buildkit_host import BuildkitHost
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import EngineSurroundings, EngineType
from image_builder_domain.engine_types import ENGINE_TYPES
from image_builder_domain.ports import Cancellation

from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings


def _make(settings: object, around: EngineSurroundings) -> BuildkitEngine:
    return BuildkitEngine(_own(settings, around))


def _examine(settings: object, around: EngineSurroundings, cancellation: Cancellation) -> tuple[Finding, ...]:
    from image_builder_adapters.buildkit.examination import examine_buildkit

    return examine_buildkit(_own(settings, around), cancellation)


def _own(settings: object, around: EngineSurroundings) -> BuildkitSettings:
    """``settings`` are a :class:`BuildkitHost` once the side of the job is known."""
    return BuildkitSettings(
        environment=around.environment,
        state_directory=around.state_directory,
        daemon_log=os.path.join(around.log_directory, "buildkitd.log"),
        single_build=around.single_build,
        user=around.user,
        redact=around.secrets.data,
        host=settings if isinstance(settings, BuildkitHost) else None,
    )


BUILDKIT: Final = EngineType(ENGINE_TYPES["buildkit"], _make, _examine)
