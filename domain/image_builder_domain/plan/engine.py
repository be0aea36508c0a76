"""The settings with which the engine builds this job, and what they change about the builds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from returns.result import Result, Success

from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.buildkit_host import VARIABLE, BuildkitHost, BuildkitKeys, decide_buildkit_host
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.engine_types import BUILT_IN
from image_builder_domain.problem import Problems
from image_builder_domain.trust.job import Job

if TYPE_CHECKING:
    from image_builder_domain.engine_type import EngineSettings


@final
@dataclass(frozen=True, slots=True)
class EngineDecision:
    """``settings`` are the engine's, None where it has none; ``warnings`` are for the user."""

    settings: "EngineSettings | None"
    warnings: tuple[str, ...] = ()

    def applied(self, builds: tuple[BuildRequest, ...]) -> tuple[BuildRequest, ...]:
        """The builds as the engine may carry them out: in a BuildKit that unmerged code shares, without cache."""
        if isinstance(self.settings, BuildkitHost) and self.settings.is_cacheless:
            return tuple(replace(build, cache=CacheReferences()) for build in builds)
        return builds


def decide_engine(
    configuration: Configuration,
    job: Job,
    name: str,
    environment: Mapping[str, str],
    frontends: tuple[str, ...] = (),
    real_paths: Mapping[str, str] | None = None,
) -> Result[EngineDecision, Problems]:
    """The settings of the engine ``name`` for this job; only BuildKit's depend on the side.

    ``environment`` is the tool's own. ``frontends`` and ``real_paths`` are :func:`decide_buildkit_host`'s.
    """
    found = configuration.engines.get(name, BUILT_IN.get(name))
    if not isinstance(found, BuildkitKeys):
        return Success(EngineDecision(found))
    host = decide_buildkit_host(found, environment.get(VARIABLE, ""), job.side, frontends, real_paths)
    return host.map(lambda decided: EngineDecision(decided, decided.warnings))
