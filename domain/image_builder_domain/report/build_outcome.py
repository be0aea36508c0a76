"""The outcome of a local build: for each image what was built, which repositories hold it, its tags and signatures."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never, final

from image_builder_domain.build import (
    NO_STEPS,
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    EngineUnavailable,
    PlannedBuild,
    PushFailed,
)
from image_builder_domain.build_steps import BuildSteps
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import PushDenied, RegistryFailure
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import Repository
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.report.outcome import any_failed, common_report, described, exit_code_of, reported_signature
from image_builder_domain.report.report import (
    Report,
    ReportedCheckout,
    ReportedDestination,
    ReportedFailure,
    ReportedImage,
    ReportedRepository,
    ReportedTag,
)
from image_builder_domain.report.reported_steps import ReportedPlace, ReportedStep, ReportedWarning
from image_builder_domain.signing import SignatureResult

if TYPE_CHECKING:
    from image_builder_domain.plan.build import Plan


@final
@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A repository that does not hold what was built, or that was not asked."""

    description: str


@final
@dataclass(frozen=True, slots=True)
class RepositoryOutcome:
    """What a repository answered when it was asked for the digest; ``failure`` is None when it holds the image."""

    repository: Repository
    failure: PushDenied | RegistryFailure | Unconfirmed | None = None

    @property
    def holds(self) -> bool:
        """True when it holds the digest that was built."""
        return self.failure is None

    @property
    def reason(self) -> str:
        """Why it is not known to hold the image; empty when it does."""
        return self.failure.description if self.failure is not None else ""


@final
@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """One image: what was built, where it is, which tags name it, who signed it.

    ``image`` is what the engine reported, ``config`` its configuration object, as a registry that holds it says.
    ``tags`` has the fate of every destination of ``build``, in that order.
    """

    build: PlannedBuild
    image: Descriptor | None = None
    failure: BuildFailure | None = None
    platforms: tuple[str, ...] = ()
    repositories: tuple[RepositoryOutcome, ...] = ()
    tags: tuple[TagFate, ...] = ()
    signatures: tuple[SignatureResult, ...] = ()
    log_path: str | None = None
    duration_seconds: float = 0.0
    config: Descriptor | None = None
    steps: BuildSteps = NO_STEPS

    @property
    def request(self) -> BuildRequest:
        """What the engine was asked for."""
        return self.build.request

    @property
    def is_pushed(self) -> bool:
        """True when every repository holds the built digest."""
        return self.image is not None and bool(self.repositories) and all(found.holds for found in self.repositories)

    @property
    def has_lost_tag(self) -> bool:
        """True when a tag could not be written, or is not known to be."""
        return any(tag.fate in (Fate.FAILED, Fate.UNCONFIRMED) for tag in self.tags)

    @property
    def is_published(self) -> bool:
        """True when every repository holds the digest, and nothing is left to do for any tag."""
        return self.is_pushed and bool(self.tags) and all(tag.fate.is_good for tag in self.tags)

    @property
    def is_signed(self) -> bool:
        """True when it has signatures and none failed."""
        return bool(self.signatures) and not any_failed(self.signatures)

    def with_tags(self, fate: Fate, reason: str) -> "ImageOutcome":
        """The same image, with one fate for all its tags."""
        return replace(self, tags=tuple(TagFate(place, fate, None, reason) for place in self.build.destinations))


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole local build. ``interruption`` is what stopped it early; ``lost`` names files that were not written."""

    images: tuple[ImageOutcome, ...]
    interruption: Interruption | None = None
    lost: tuple[str, ...] = ()

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        return exit_code_of(self, {code for image in self.images for code in _codes(image)})


def report(plan: "Plan", outcome: Outcome) -> Report:
    """The report of a local build, also of one that failed."""
    images = outcome.images
    single = images[0].image if len(images) == 1 else None
    places = [str(repository) for build in plan.builds for repository in build.request.repositories]
    return replace(
        common_report(plan.job, outcome, Report(outcome="")),
        pushed=all(image.is_pushed and not image.has_lost_tag for image in images),
        signed=bool(images) and all(image.is_signed for image in images),
        not_signed=plan.not_signed,
        checkout=ReportedCheckout(plan.checkout.is_checked, plan.checkout.text),
        image_name=plan.name,
        images_list=tuple(str(tag.reference) for image in images for tag in image.tags if tag.fate.names_ours),
        tag_names=tuple(ReportedTag(tag.name, tag.value) for tag in plan.tags),
        repository_path=next((place.removesuffix(f"/{plan.name}") for place in places), ""),
        repositories=tuple(sorted(set(places))),
        digest=str(single.digest) if single is not None else "",
        architectures=tuple(sorted({platform for image in images for platform in image.platforms})),
        images=tuple(map(_image, images)),
    )


def _codes(image: ImageOutcome) -> set[ExitCode]:
    if image.failure is not None:
        return {_failure_code(image.failure)}
    if not image.is_pushed:
        return {ExitCode.PUSH_FAILED}
    unsigned = {ExitCode.SIGNING_FAILED} if any_failed(image.signatures) else set()
    return {ExitCode.PUSH_FAILED, *unsigned} if image.has_lost_tag else unsigned


def _failure_code(failure: BuildFailure) -> ExitCode:
    match failure:
        case BuildFailed() | EngineUnavailable():
            return ExitCode.BUILD_FAILED
        case PushFailed():
            return ExitCode.PUSH_FAILED
        case BuildInterrupted():
            return ExitCode(failure.interruption.value)
        case _:
            assert_never(failure)


def _image(outcome: ImageOutcome) -> ReportedImage:
    holding = next((found for found in outcome.repositories if found.holds), None)
    repository = holding.repository if holding is not None else outcome.request.repositories[0]
    return replace(
        _described(outcome, repository),
        variant=outcome.request.variant,
        platforms=outcome.platforms,
        repositories=tuple(
            ReportedRepository(str(found.repository), found.holds, found.reason) for found in outcome.repositories
        ),
        destinations=tuple(map(_destination, outcome.tags)),
        signatures=tuple(map(reported_signature, outcome.signatures)),
        failure=_failure(outcome.failure, outcome.steps) if outcome.failure is not None else None,
        steps=tuple(map(ReportedStep.of, outcome.steps.steps)),
        warnings=tuple(map(ReportedWarning.of, outcome.steps.warnings)),
        output_clipped=outcome.steps.is_clipped,
        log=outcome.log_path,
        duration_seconds=round(outcome.duration_seconds, 3),
    )


def _described(outcome: ImageOutcome, repository: Repository) -> ReportedImage:
    """The image that was built, or the digest of one whose push failed but that a repository holds."""
    failure = outcome.failure
    digest = failure.digest if isinstance(failure, BuildFailed | PushFailed) else None
    if outcome.image is None and digest is not None and any(found.holds for found in outcome.repositories):
        return ReportedImage(reference=f"{repository}@{digest}", digest=str(digest))
    return described(outcome.image, repository)


def _destination(tag: TagFate) -> ReportedDestination:
    before = str(tag.before) if tag.before is not None else None
    return ReportedDestination(str(tag.reference), tag.fate.names_ours, tag.reason, tag.fate.value, before)


def _failure(failure: BuildFailure, steps: BuildSteps) -> ReportedFailure:
    place = ReportedPlace.of(steps.failed_at) if steps.failed_at is not None else None
    if isinstance(failure, BuildFailed | PushFailed):
        return ReportedFailure(str(failure), failure.engine_code, failure.last_lines, place)
    return ReportedFailure(str(failure))
