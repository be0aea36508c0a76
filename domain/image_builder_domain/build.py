"""Building one image: the request to an engine, its result, and its failures."""

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, final

from image_builder_domain.build_steps import BuildSteps
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.source.build_argument import BuildArgument

NO_STEPS: Final = BuildSteps()
"""Of an engine that cannot report steps."""


@final
@dataclass(frozen=True, slots=True)
class CacheReferences:
    """Layer cache of one build: read from ``imports``, written to ``exports``. A cache failure never fails a build.

    ``run_layers`` and ``copy_layers`` say which layers are kept, for engines that can choose. An engine that keeps the
    layers of all images in one repository gets one reference, and does not use its tag.
    """

    imports: tuple[ImageReference, ...] = ()
    exports: tuple[ImageReference, ...] = ()
    run_layers: bool = True
    copy_layers: bool = False


@final
@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One image to build once and push to every repository by its digest alone. An engine knows no tag.

    ``context`` is an absolute directory, ``dockerfile`` a path below it. ``repositories`` are distinct.
    ``source_date_epoch`` (seconds since 1970) asks for a reproducible image with every timestamp rewritten to it.
    ``labels`` go into the image's configuration, and ``annotations`` into its manifest and, for several platforms, into
    the index; both are pairs of name and value, with distinct names.
    """

    name: str
    variant: str | None
    context: str
    dockerfile: str
    repositories: tuple[Repository, ...]
    arguments: tuple[BuildArgument, ...] = ()
    platforms: tuple[Platform, ...] = ()
    target: str | None = None
    cache: CacheReferences = CacheReferences()
    source_date_epoch: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@final
@dataclass(frozen=True, slots=True)
class PlannedBuild:
    """A request to an engine, and the references with tags that the image gets after it was checked and signed.

    The repositories of ``destinations`` are those of the request.
    """

    request: BuildRequest
    destinations: tuple[ImageReference, ...]

    def tags_in(self, repository: Repository) -> tuple[ImageReference, ...]:
        """The destinations in one repository."""
        return tuple(place for place in self.destinations if place.repository == repository)


class EngineSettings(Protocol):
    """The settings of an engine, as the decoder of its type made them of ``engines.NAME``."""

    def refusal(self, request: BuildRequest) -> str | None:
        """Why the engine cannot carry out this request; None if it can. Pure: the plan is made of it.

        An engine ignores nothing in silence. It refuses build arguments, a target, platforms, caches, a time, labels
        or annotations that it does not support here, before anything is done.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class BuiltImage:
    """What the engine says it built and pushed; ``platform`` is a single image's, None for an index."""

    descriptor: Descriptor
    platform: Platform | None = None
    steps: BuildSteps = NO_STEPS


@final
@dataclass(frozen=True, slots=True)
class BuildFailed:
    """The engine says that the image could not be built.

    ``last_lines`` is the end of the failing step's output, at most 50 lines. An engine that reports failures as text
    may have quoted a step, so the image may exist all the same: ``digest`` is the one to look for.
    """

    reason: str
    last_lines: tuple[str, ...] = ()
    engine_code: int | None = None
    digest: Digest | None = None
    steps: BuildSteps = NO_STEPS

    def __str__(self) -> str:
        return f"the build failed: {self.reason}; its output is in the log file"


@final
@dataclass(frozen=True, slots=True)
class PushFailed:
    """The image was built (as ``digest``, if the engine reported it), but at least one repository refused it."""

    reason: str
    last_lines: tuple[str, ...] = ()
    engine_code: int | None = None
    digest: Digest | None = None
    steps: BuildSteps = NO_STEPS

    def __str__(self) -> str:
        remedy = "check that the registry is up and that you may write to it"
        return f"the engine says that the push failed: {self.reason}; {remedy}"


@final
@dataclass(frozen=True, slots=True)
class EngineUnavailable:
    """The engine cannot be reached or started, or was lost meanwhile."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}"


@final
@dataclass(frozen=True, slots=True)
class BuildInterrupted:
    """The build was stopped; its processes are gone."""

    interruption: Interruption

    def __str__(self) -> str:
        why = self.interruption.name.lower().replace("_", " ")
        return f"the build was stopped ({why}); what it may have published is not known"


BuildFailure: TypeAlias = BuildFailed | PushFailed | EngineUnavailable | BuildInterrupted


@final
@dataclass(frozen=True, slots=True)
class EngineMissing:
    """A program or file that the engine needs is missing or unusable; found before anything is built."""

    program: str
    remedy: str
    what: str = "is not installed"

    def __str__(self) -> str:
        return f"{self.program} {self.what}; {self.remedy}"
