"""Every engine that there is, with what each of them needs; only the backend in effect must be complete."""

from collections.abc import Iterator
from typing import Any

from image_builder_adapters.engine_types import engine_configurations, engine_type
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import EngineSettings, EngineSurroundings, EngineType
from image_builder_domain.engine_types import ENGINE_TYPES
from image_builder_domain.plan.backend import Backend
from image_builder_domain.plan.engine import decide_engine
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.ports import Cancellation
from image_builder_domain.problem import Problems, problems_of
from returns.result import Failure, Result, Success

from image_builder.container import Settings, open_engine_surroundings
from image_builder.reading import real_paths_of


def look_at_engines(
    backend: Backend | None,
    configuration: Configuration | None,
    inputs: TagInputs,
    settings: Settings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    """The engine in effect first; of the others nothing is needed."""
    around = open_engine_surroundings(settings, configuration.log_format if configuration is not None else None)
    in_effect = backend.value if backend is not None else ""
    for name in sorted(engine_configurations(), key=lambda name: (name != in_effect, name)):
        decided = _settings_of(name, configuration, inputs)
        own = decided.value_or(None)
        findings = [Finding(f"engine {name}", it.where, it.what, False, True, it.remedy) for it in problems_of(decided)]
        findings += [] if findings else _of(name, own, around, cancellation)
        yield from findings if name == in_effect else (finding.spare() for finding in findings)


def _settings_of(
    name: str, configuration: Configuration | None, inputs: TagInputs
) -> Result[EngineSettings | None, Problems]:
    """The settings for this job; of a job that is not understood, those of the configuration."""
    job = inputs.job.value_or(None)
    if configuration is None or job is None:
        return Success(configuration.engines.get(name) if configuration is not None else None)
    decided = decide_engine(configuration, job, name, inputs.environment, real_paths=real_paths_of(inputs))
    return decided.map(lambda found: found.settings)


def _of(name: str, own: Any, around: EngineSurroundings, cancellation: Cancellation) -> Iterator[Finding]:
    area = f"engine {name}"
    found = _loaded(name)
    if isinstance(found, str):
        yield Finding(area, "package", found, False, True, "mend or remove the package that brings it")
        return
    if own is None and name not in ENGINE_TYPES:
        remedy = f"write engines.{name} to use it"
        yield Finding(area, "settings", "installed, but the configuration has no settings for it", False, True, remedy)
        return
    examined = _examined(area, found, own, around, cancellation) if found.examine is not None else ()
    yield from examined
    if any(finding.is_missing for finding in examined):
        return  # the engine's own check would say the same in fewer words
    checked = found.make(own, around).check()
    if isinstance(checked, Failure):
        missing = checked.failure()
        yield Finding(area, "ready", f"no: {missing.program} {missing.what}", False, True, missing.remedy)
    else:
        yield Finding(area, "ready", "yes", is_needed=True)


def _examined(
    area: str, kind: EngineType, own: Any, around: EngineSurroundings, cancellation: Cancellation
) -> tuple[Finding, ...]:
    assert kind.examine is not None  # noqa: S101 (asked only then)
    try:
        return kind.examine(own, around, cancellation)
    except Exception as error:  # noqa: BLE001, RUF100 (it may be a foreign package's; ours says OSError for a full disk)
        return (Finding(area, "examination", f"failed: {type(error).__name__}", False),)


def _loaded(name: str) -> EngineType | str:
    try:
        return engine_type(name)
    except LookupError:
        return "it cannot be used; a configuration that names it is told why"
