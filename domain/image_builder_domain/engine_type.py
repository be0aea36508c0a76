"""A type of engine: how its configuration is read, what it supports, and how an engine is made.

Packages register theirs as an entry point of the group ``image_builder.engines``, which leads to an
:class:`EngineType`. Its name is the value of ``--backend`` and the key below ``engines``. The built-in engines are
registered the same way. The plan decides what is pushed where and which caches may be written.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, final

from returns.result import Failure, Result, Success

from image_builder_domain.build import EngineSettings
from image_builder_domain.configuration.decoder import Decoder
from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation, ImageEngine, LayoutRegistry
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.signer_type import Secrets
from image_builder_domain.trust.side import Side
from image_builder_domain.yaml_document import Mapping as MappingNode


@final
@dataclass(frozen=True, slots=True)
class EngineSurroundings:
    """What an engine may know of the run.

    ``environment`` is the tool's own (not to be shown), ``secrets`` hides secrets. ``layouts`` pushes OCI layouts, for
    engines that cannot push by digest. ``state_directory`` may keep things between runs, ``log_directory`` takes logs;
    neither need exist. ``log_format`` is the configuration's. ``single_build`` says that nothing else is built in this
    run. ``user`` is the effective user number.
    """

    environment: Mapping[str, str] = field(repr=False)
    secrets: Secrets
    layouts: LayoutRegistry
    state_directory: str
    log_directory: str
    log_format: str | None
    single_build: bool
    user: int


@final
@dataclass(frozen=True, slots=True)
class EngineCircumstances:
    """The facts of one job that an engine's settings may depend on.

    ``environment`` is the tool's own (not to be shown). ``dockerfile`` is the text of the Dockerfile. ``real_paths``
    holds the real path of each path that ``EngineType.paths`` names.
    """

    side: Side
    environment: Mapping[str, str] = field(repr=False)
    dockerfile: str = field(default="", repr=False)
    real_paths: Mapping[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class EngineDecision:
    """The settings for one job. ``without_cache`` means that the builds get no layer cache.

    ``summary`` says in a few words where the engine builds, and ``facts`` says it for programs; both may be empty.
    """

    settings: EngineSettings
    warnings: tuple[str, ...] = ()
    without_cache: bool = False
    summary: str = ""
    facts: Mapping[str, str | bool | None] | None = None


class CacheLayout(Enum):
    """Where an engine keeps cached layers."""

    REPOSITORY_PER_IMAGE = "below cache-repo, in a repository named after the image"
    ONE_REPOSITORY = "in cache-repo itself, with a tag for each layer"


@final
@dataclass(frozen=True, slots=True)
class EngineTraits:
    """What the plan must know of an engine before it makes requests.

    ``title`` is the engine's name in messages, if it differs from the one of ``--backend``. ``caches_all_layers`` means
    that it cannot cache only some kinds of layers. ``strips_timestamps`` means that its reproducible builds need no
    time.
    """

    title: str = ""
    cache_layout: CacheLayout = CacheLayout.REPOSITORY_PER_IMAGE
    caches_all_layers: bool = False
    strips_timestamps: bool = False


EngineMaker: TypeAlias = Callable[[Any, EngineSurroundings], ImageEngine]
"""Makes an engine of the settings for this job. Opens and starts nothing."""

Examiner: TypeAlias = Callable[[Any, EngineSurroundings, Cancellation], tuple[Finding, ...]]
"""Looks at what the engine needs here, for ``doctor``. May start its programs, but builds nothing; takes seconds."""

EnginePaths: TypeAlias = Callable[[Any, Mapping[str, str]], Iterable[str]]
"""The paths in the settings and the environment whose links must be resolved before the decision. Pure."""

EngineDecider: TypeAlias = Callable[[Any, EngineCircumstances], Result[EngineDecision, Problems]]
"""Decides the settings for one job from those of the configuration. Pure."""


@final
@dataclass(frozen=True, slots=True)
class EngineType:
    """``config`` reads the key ``engines.NAME`` and gives :class:`EngineSettings`; ``make`` makes the engine.

    ``examine`` is for engines that can say more than whether ``ImageEngine.check`` passes. ``decide`` is for engines
    whose settings depend on the job, and ``paths`` for those that compare paths in it.
    """

    config: Decoder[Any]
    make: EngineMaker
    examine: Examiner | None = None
    traits: EngineTraits = EngineTraits()
    paths: EnginePaths | None = None
    decide: EngineDecider | None = None

    def settings(
        self, name: str, configured: Mapping[str, EngineSettings], file: str
    ) -> Result[EngineSettings, Problems]:
        """The settings of ``engines.NAME``; without that key, those that ``config`` reads from an empty mapping."""
        if name in configured:
            return Success(configured[name])
        problems: list[Problem] = []
        found = self.config.read(MappingNode((), file), f"engines.{name}", problems)
        return Success(found) if found is not None and not problems else Failure(tuple(problems))
