"""Every engine that is installed, with what each of them needs; only the backend in effect must be complete."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_builder_domain.build import EngineSettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import EngineSurroundings, EngineType
from image_builder_domain.plan.backend import ChosenEngine
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.ports import Cancellation
from image_builder_domain.problem import Problems, problems_of
from returns.result import Failure, Result

from image_builder.container import Settings
from image_builder.container.examination import open_engine_surroundings
from image_builder.reading import real_paths_of


def look_at_engines(
    backend: str | None,
    configuration: Configuration | None,
    inputs: TagInputs,
    table: Mapping[str, EngineType],
    settings: Settings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    """The engine in effect first; of the others nothing is needed."""
    around = open_engine_surroundings(settings, configuration.log_format if configuration is not None else None)
    for name in sorted(table, key=lambda name: (name != backend, name)):
        findings = _of(ChosenEngine(name, table[name]), configuration, inputs, around, cancellation)
        yield from findings if name == backend else (finding.spare() for finding in findings)


def _settings_of(
    engine: ChosenEngine, configuration: Configuration | None, inputs: TagInputs
) -> Result[EngineSettings, Problems]:
    """The settings for this job; for a job that is invalid, those of the configuration."""
    job = inputs.job.value_or(None)
    if configuration is None or job is None:
        configured = configuration.engines if configuration is not None else {}
        return engine.type.settings(engine.name, configured, "")
    paths = real_paths_of(engine, inputs)
    return engine.decide(configuration, job, inputs.environment, "", paths).map(lambda found: found.settings)


def _of(
    engine: ChosenEngine,
    configuration: Configuration | None,
    inputs: TagInputs,
    around: EngineSurroundings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    area, decided = f"engine {engine.name}", _settings_of(engine, configuration, inputs)
    if isinstance(decided, Failure):
        is_written = configuration is not None and engine.name in configuration.engines
        for it in problems_of(decided):
            yield Finding(area, it.where if is_written else "settings", it.what, False, True, it.remedy)
        return
    own = decided.unwrap()
    examined = _examined(area, engine.type, own, around, cancellation)
    yield from examined
    if any(finding.is_missing for finding in examined):
        return  # the engine's own check would say the same in fewer words
    checked = engine.type.make(own, around).check()
    if isinstance(checked, Failure):
        missing = checked.failure()
        yield Finding(area, "ready", f"no: {missing.program} {missing.what}", False, True, missing.remedy)
    else:
        yield Finding(area, "ready", "yes", is_needed=True)


def _examined(
    area: str, kind: EngineType, own: Any, around: EngineSurroundings, cancellation: Cancellation
) -> tuple[Finding, ...]:
    if kind.examine is None:
        return ()
    try:
        return kind.examine(own, around, cancellation)
    except OSError as error:  # such as a full disk
        return (Finding(area, "examination", f"failed: {type(error).__name__}", False),)
