"""Which backend builds (specification, sections 1 and 6)."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, final

from returns.result import Result, Success

from image_builder_domain.problem import Problems, gather, nearest, refuse

if TYPE_CHECKING:
    from image_builder_domain.build import EngineSettings
    from image_builder_domain.configuration.keys import Configuration
    from image_builder_domain.engine_type import EngineDecision, EngineType
    from image_builder_domain.trust.side import Job

PIPELINE: Final = "ado"
"""The value of ``--backend`` that builds in a pipeline of Azure DevOps; any other names an engine."""


class Names(Container[str], Iterable[str], Protocol):
    """The names of the engines that are installed."""


@final
@dataclass(frozen=True, slots=True)
class EngineChoice:
    """How a job chooses an engine without ``--backend``: by the value of ``variable``, else ``default``."""

    variable: str
    engines: Mapping[str, str]
    default: str

    def of(self, environment: Mapping[str, str]) -> Result[str | None, Problems]:
        """The engine that the variable names, None if it is not set."""
        text = environment.get(self.variable, "")
        if text and text not in self.engines:
            return refuse(self.variable, f"{text!r} is not {' or '.join(self.engines)}", "set it to one of them")
        return Success(self.engines.get(text))


def known_backend(asked: str | None, engines: Names) -> Result[None, Problems]:
    """A problem if ``--backend`` names an engine that is not installed."""
    if asked in (None, PIPELINE) or asked in engines:
        return Success(None)
    return refuse("--backend", f"there is no engine {asked!r}", nearest(asked, (*engines, PIPELINE)))


def decide_backend(
    asked: str | None, in_ado: bool, environment: Mapping[str, str], choice: EngineChoice
) -> Result[str, Problems]:
    """``--backend``, else ``--build-in-ado``, else the engine of ``choice``; a problem when they contradict.

    A remote build passes the variable of ``choice`` on to the pipeline (section 7), so it does not contradict that.
    """
    return choice.of(environment).bind(lambda named: _decided(asked, in_ado, named, choice, environment))


def pipeline_engine(
    asked: str | None, in_ado: bool, environment: Mapping[str, str], choice: EngineChoice
) -> Result[str, Problems]:
    """The engine that the pipeline uses, unless the flags contradict each other."""
    decided = decide_backend(asked, in_ado, environment, choice)
    return gather(decided, choice.of(environment)).map(lambda _, named: named or choice.default)


def _decided(
    asked: str | None, in_ado: bool, named: str | None, choice: EngineChoice, environment: Mapping[str, str]
) -> Result[str, Problems]:
    if in_ado and asked not in (None, PIPELINE):
        return _contradiction(asked, "--build-in-ado")
    if in_ado or asked == PIPELINE:
        return Success(PIPELINE)
    if asked is not None and named not in (None, asked):
        return _contradiction(asked, f"{choice.variable}={environment[choice.variable]}")
    return Success(asked or named or choice.default)


def _contradiction(asked: str, other: str) -> Result[str, Problems]:
    return refuse("--backend", f"{asked} contradicts {other}", "change one of them")


@final
@dataclass(frozen=True, slots=True)
class ChosenEngine:
    """The engine that builds, by the name that ``--backend`` gives it."""

    name: str
    type: "EngineType"

    @property
    def title(self) -> str:
        """The engine's name in messages."""
        return self.type.traits.title or self.name

    def settings(self, configuration: "Configuration") -> "Result[EngineSettings, Problems]":
        """The engine's settings as the configuration has them."""
        return self.type.settings(self.name, configuration.engines, configuration.file)

    def decide(
        self,
        configuration: "Configuration",
        job: "Job",
        environment: Mapping[str, str],
        dockerfile: str,
        real_paths: Mapping[str, str],
    ) -> "Result[EngineDecision, Problems]":
        """The engine's settings for one job, of the circumstances that ``EngineCircumstances`` describes."""
        from image_builder_domain.engine_type import EngineCircumstances, EngineDecision

        settings, decide = self.settings(configuration), self.type.decide
        if decide is None:
            return settings.map(EngineDecision)
        around = EngineCircumstances(job.side, environment, dockerfile, real_paths)
        return settings.bind(lambda found: decide(found, around))


def choose_engine(
    asked: str | None,
    in_ado: bool,
    environment: Mapping[str, str],
    choice: EngineChoice,
    engines: "Mapping[str, EngineType]",
) -> Result[ChosenEngine, Problems]:
    """The engine of a build on this machine."""

    def installed(name: str) -> Result[ChosenEngine, Problems]:
        return known_backend(name, engines).map(lambda _: ChosenEngine(name, engines[name]))

    return decide_backend(asked, in_ado, environment, choice).bind(installed)
