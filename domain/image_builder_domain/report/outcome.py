"""The outcome of a run: what happened, step by step. The report, the exit code and the summary are made from it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, assert_never, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.exit_code import ExitCode, Interruption, first_failure
from image_builder_domain.failure import RegistryFailure
from image_builder_domain.image.descriptor import Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.remote_pipeline import FinishedRun, FollowFailure, Run, RunUncertain, StartFailure, Verdict
from image_builder_domain.report.report import (
    SUCCESS,
    Report,
    ReportedCheckout,
    ReportedDestination,
    ReportedFailure,
    ReportedImage,
    ReportedPipeline,
    ReportedRun,
    ReportedSignature,
    ReportedTag,
)
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_domain.trust.side import Job, trust_facts

if TYPE_CHECKING:
    from image_builder_domain.plan.build import Plan
    from image_builder_domain.plan.remote import RemotePlan
    from image_builder_domain.plan.signing import SignPlan


# --- local builds -------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A destination that holds another digest, or whose registry was not asked."""

    description: str


@final
@dataclass(frozen=True, slots=True)
class DestinationOutcome:
    """What one destination answered when it was asked for its digest; ``failure`` is None when it holds the image."""

    reference: ImageReference
    failure: RegistryFailure | Unconfirmed | None = None

    @property
    def holds(self) -> bool:
        """True when it answered the digest that was built."""
        return self.failure is None

    @property
    def reason(self) -> str:
        """Why it is not known to hold the image; empty when it does."""
        return self.failure.description if self.failure is not None else ""


@final
@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """One image: what was built, where it is, who signed it.

    ``image`` is what the engine reported, ``config`` its configuration object, as a registry that holds it says.
    """

    request: BuildRequest
    image: Descriptor | None
    failure: BuildFailure | None
    platforms: tuple[str, ...]
    destinations: tuple[DestinationOutcome, ...]
    signatures: tuple[SignatureResult, ...]
    log_path: str | None
    duration_seconds: float
    config: Descriptor | None = None

    @property
    def is_published(self) -> bool:
        """True when every destination holds the built digest."""
        return self.image is not None and bool(self.destinations) and all(found.holds for found in self.destinations)

    @property
    def is_signed(self) -> bool:
        """True when it has signatures and none failed."""
        return bool(self.signatures) and not _any_failed(self.signatures)


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole local build. ``interruption`` is what stopped it early; ``lost`` names files that were not written."""

    images: tuple[ImageOutcome, ...]
    interruption: Interruption | None = None
    lost: tuple[str, ...] = ()

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        return _exit_code(self, {code for image in self.images for code in _codes(image)})


def report(plan: "Plan", outcome: Outcome) -> Report:
    """The report of a local build, also of one that failed."""
    images = outcome.images
    single = images[0].image if len(images) == 1 else None
    places = [str(reference.repository) for build in plan.builds for reference in build.destinations]
    return replace(
        _report(plan.job, outcome, Report(outcome="")),
        pushed=all(image.is_published for image in images),
        signed=bool(images) and all(image.is_signed for image in images),
        not_signed=plan.not_signed,
        checkout=ReportedCheckout(plan.checkout.is_checked, plan.checkout.text),
        image_name=plan.name,
        images_list=tuple(str(found.reference) for image in images for found in image.destinations if found.holds),
        tag_names=tuple(ReportedTag(tag.name, tag.value) for tag in plan.tags),
        repository_path=next((place.removesuffix(f"/{plan.name}") for place in places), ""),
        repositories=tuple(sorted(set(places))),
        digest=str(single.digest) if single is not None else "",
        architectures=tuple(sorted({platform for image in images for platform in image.platforms})),
        images=tuple(map(_image, images)),
    )


def _codes(image: ImageOutcome) -> tuple[ExitCode, ...]:
    if image.failure is not None:
        return (_failure_code(image.failure),)
    if not image.is_published:
        return (ExitCode.PUSH_FAILED,)
    return (ExitCode.SIGNING_FAILED,) if _any_failed(image.signatures) else ()


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
    return replace(
        _described(outcome.image, outcome.request.destinations[0]),
        variant=outcome.request.variant,
        platforms=outcome.platforms,
        destinations=tuple(
            ReportedDestination(str(found.reference), found.holds, found.reason) for found in outcome.destinations
        ),
        signatures=tuple(map(_signature, outcome.signatures)),
        failure=_failure(outcome.failure) if outcome.failure is not None else None,
        log=outcome.log_path,
        duration_seconds=round(outcome.duration_seconds, 3),
    )


def _failure(failure: BuildFailure) -> ReportedFailure:
    if isinstance(failure, BuildFailed | PushFailed):
        return ReportedFailure(str(failure), failure.engine_code, failure.last_lines)
    return ReportedFailure(str(failure))


# --- signing of existing images -----------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class SignedImage:
    """One reference: what it was when it was resolved, who signed it; ``reason`` is why that is not enough."""

    reference: ImageReference
    manifest: Manifest | None
    reason: str = ""
    signatures: tuple[SignatureResult, ...] = ()

    @property
    def digest(self) -> Digest | None:
        """What is signed; None when the reference could not be resolved."""
        return self.manifest.descriptor.digest if self.manifest is not None else None

    @property
    def is_resolved(self) -> bool:
        """True when it may be signed."""
        return self.manifest is not None and not self.reason

    @property
    def is_done(self) -> bool:
        """True when every signer signed it, and its tag still names it."""
        return self.is_resolved and bool(self.signatures) and not _any_failed(self.signatures)

    @property
    def is_signed(self) -> bool:
        """True when at least one signer signed it."""
        return any(found.status is not SignatureStatus.FAILED for found in self.signatures)

    def seen_again(self, answer: Manifest | RegistryFailure) -> "SignedImage":
        """The same image after its tag was resolved once more, with what is wrong now."""
        if not isinstance(answer, Manifest):
            return replace(self, reason=f"after signing, its tag could not be asked again: {answer.description}")
        if answer.descriptor.digest == self.digest:
            return self
        moved = f"its tag moved while it was signed: {self.digest} was signed, {answer.descriptor.digest} is there now"
        return replace(self, reason=f"{moved}; find out who moved it, then sign again")

    def failures(self) -> tuple[str, ...]:
        """A line for everything that went wrong with it."""
        own = (f"{self.reference}: {self.reason}",) if self.reason else ()
        failed = (found for found in self.signatures if found.status is SignatureStatus.FAILED)
        return (*own, *(f"{found.signer}: {found.reference}: {found.reason}" for found in failed))


@final
@dataclass(frozen=True, slots=True)
class SigningOutcome:
    """A whole signing run. ``interruption`` is what stopped it early; ``lost`` names files that were not written."""

    images: tuple[SignedImage, ...]
    interruption: Interruption | None = None
    lost: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when every image has all its signatures."""
        return all(image.is_done for image in self.images)

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        return _exit_code(self, set() if self.is_complete else {ExitCode.SIGNING_FAILED})


def signing_report(plan: "SignPlan", outcome: SigningOutcome) -> Report:
    """The report of a run that signed existing images: the same format, with nothing built or pushed."""
    digests = {str(image.digest) for image in outcome.images if image.digest is not None}
    manifests = [image.manifest for image in outcome.images if image.manifest is not None]
    return replace(
        _report(plan.job, outcome, Report(outcome="")),
        signed=outcome.is_complete,
        images_list=tuple(str(image.reference) for image in outcome.images if image.is_resolved),
        repositories=tuple(sorted({str(image.reference.repository) for image in outcome.images})),
        digest=next(iter(digests)) if len(digests) == 1 else "",
        architectures=tuple(sorted({platform for manifest in manifests for platform in manifest.platforms})),
        images=tuple(map(_signed_image, outcome.images)),
    )


def _signed_image(image: SignedImage) -> ReportedImage:
    manifest = image.manifest
    return replace(
        _described(manifest.descriptor if manifest is not None else None, image.reference),
        platforms=manifest.platforms if manifest is not None else (),
        destinations=(ReportedDestination(str(image.reference), image.is_resolved, image.reason),),
        signatures=tuple(map(_signature, image.signatures)),
        duration_seconds=max((found.duration_seconds for found in image.signatures), default=0.0),
    )


# --- remote builds ------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class RemoteOutcome:
    """A remote build, from its start to its end. The run's own result decides, never the pipeline's report.

    ``finished`` is there when the run came to an end, ``failure`` when it did not start or could not be followed;
    ``interruption`` is what stopped the work, ``lost`` names files that were not written. ``canceled`` is the answer to
    the request to cancel the run, empty without one. ``report`` is what the pipeline printed.
    """

    run: Run | None = None
    finished: FinishedRun | None = None
    failure: StartFailure | FollowFailure | None = None
    interruption: Interruption | None = None
    canceled: str = ""
    report: Report | None = None
    log_path: str | None = None
    duration_seconds: float = 0.0
    lost: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """The run's result as one word: ``notStarted`` when nothing ran, ``unknown`` when it is not known."""
        if self.finished is not None:
            return self.finished.verdict.value
        is_uncertain = self.run is not None or isinstance(self.failure, RunUncertain)
        return Verdict.UNKNOWN.value if is_uncertain else "notStarted"

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        is_good = self.finished is not None and self.finished.verdict is Verdict.SUCCEEDED
        return _exit_code(self, set() if is_good else {ExitCode.REMOTE_FAILED})


def remote_report(plan: "RemotePlan", outcome: RemoteOutcome) -> Report:
    """The report of a remote build, also of one that failed.

    It is what the pipeline reported of its images, with what is known here: status, exit code and run.
    """
    reported = outcome.report or Report(outcome="")
    reason = "the pipeline gave no report" if outcome.report is None else "the pipeline says that it signed nothing"
    return replace(
        _report(plan.job, outcome, reported),
        not_signed="" if reported.signed else reason,
        image_name=reported.image_name or plan.name,
        pipeline=ReportedPipeline(
            run=_run(outcome, outcome.run) if outcome.run is not None else None,
            result=outcome.result,
            pipeline_status=reported.outcome or None,
            log=outcome.log_path,
            duration_seconds=round(outcome.duration_seconds, 3),
        ),
    )


def _run(outcome: RemoteOutcome, run: Run) -> ReportedRun:
    finished = outcome.finished or FinishedRun(run, Verdict.UNKNOWN, str(outcome.failure or ""))
    return ReportedRun(run.number, run.url, finished.result, finished.failed, finished.notes, outcome.canceled)


# --- of all of them -----------------------------------------------------------------------------------------------

AnyOutcome: TypeAlias = Outcome | SigningOutcome | RemoteOutcome


def _exit_code(outcome: AnyOutcome, codes: set[ExitCode]) -> ExitCode:
    if outcome.interruption is not None:
        codes.add(ExitCode(outcome.interruption.value))
    if outcome.lost:
        codes.add(ExitCode.FILE_NOT_WRITTEN)
    return first_failure(codes)


def _report(job: Job, outcome: AnyOutcome, reported: Report) -> Report:
    """``reported`` with what is known of every run."""
    code = outcome.exit_code()
    return replace(
        reported,
        outcome=SUCCESS if code is ExitCode.DONE else "failure",
        exit_code=int(code),
        trust=trust_facts(job),
        interrupted=outcome.interruption.name if outcome.interruption is not None else None,
        not_written=outcome.lost,
    )


def _any_failed(signatures: tuple[SignatureResult, ...]) -> bool:
    return any(found.status is SignatureStatus.FAILED for found in signatures)


def _described(image: Descriptor | None, reference: ImageReference) -> ReportedImage:
    if image is None:
        return ReportedImage()
    pinned = f"{reference.repository}@{image.digest}"
    return ReportedImage(reference=pinned, digest=str(image.digest), size=image.size, media_type=image.media_type)


def _signature(found: SignatureResult) -> ReportedSignature:
    return ReportedSignature(
        signer=found.signer,
        reference=str(found.reference),
        digest=str(found.digest),
        status=found.status.value,
        attempts=found.attempts,
        duration_seconds=round(found.duration_seconds, 3),
        reason=found.reason,
        note=found.note,
    )
