"""The outcome of a run: what happened, step by step. The report, the exit code and the summary are made from it.

:mod:`~image_builder_domain.report.build_outcome` has the outcome of a local build.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, final

from image_builder_domain.exit_code import ExitCode, Interruption, first_failure
from image_builder_domain.failure import RegistryFailure
from image_builder_domain.image.descriptor import Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.remote_pipeline import FinishedRun, FollowFailure, Run, RunUncertain, StartFailure, Verdict
from image_builder_domain.report.report import (
    SUCCESS,
    Report,
    ReportedDestination,
    ReportedImage,
    ReportedPipeline,
    ReportedRun,
    ReportedSignature,
)
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_domain.trust.side import Job, trust_facts

if TYPE_CHECKING:
    from image_builder_domain.plan.remote import RemotePlan
    from image_builder_domain.plan.signing import SignPlan


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
        return self.is_resolved and bool(self.signatures) and not any_failed(self.signatures)

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
        return exit_code_of(self, () if self.is_complete else (ExitCode.SIGNING_FAILED,))


def signing_report(plan: "SignPlan", outcome: SigningOutcome) -> Report:
    """The report of a run that signed existing images: the same format, with nothing built or pushed."""
    digests = {str(image.digest) for image in outcome.images if image.digest is not None}
    manifests = [image.manifest for image in outcome.images if image.manifest is not None]
    return replace(
        common_report(plan.job, outcome, Report(outcome="")),
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
        described(manifest.descriptor if manifest is not None else None, image.reference.repository),
        platforms=manifest.platforms if manifest is not None else (),
        destinations=(ReportedDestination(str(image.reference), image.is_resolved, image.reason),),
        signatures=tuple(map(reported_signature, image.signatures)),
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
        return exit_code_of(self, () if is_good else (ExitCode.REMOTE_FAILED,))


def remote_report(plan: "RemotePlan", outcome: RemoteOutcome) -> Report:
    """The report of a remote build, also of one that failed.

    It is what the pipeline reported of its images, with what is known here: status, exit code and run.
    """
    reported = outcome.report or Report(outcome="")
    reason = "the pipeline gave no report" if outcome.report is None else "the pipeline says that it signed nothing"
    return replace(
        common_report(plan.job, outcome, reported),
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


class AnyOutcome(Protocol):
    """What the outcomes of all modes have in common."""

    @property
    def interruption(self) -> Interruption | None:
        """What stopped the run early."""
        ...

    @property
    def lost(self) -> tuple[str, ...]:
        """Files that were not written."""
        ...

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        ...


def exit_code_of(outcome: AnyOutcome, codes: Collection[ExitCode]) -> ExitCode:
    """The first of a run's failures: ``codes``, what stopped it, and files that were not written."""
    stopped = {ExitCode(outcome.interruption.value)} if outcome.interruption is not None else set()
    return first_failure({*codes, *stopped, *({ExitCode.FILE_NOT_WRITTEN} if outcome.lost else ())})


def common_report(job: Job, outcome: AnyOutcome, reported: Report) -> Report:
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


def any_failed(signatures: tuple[SignatureResult, ...]) -> bool:
    """True when a signer could not sign."""
    return any(found.status is SignatureStatus.FAILED for found in signatures)


def described(image: Descriptor | None, repository: Repository) -> ReportedImage:
    """The members of an image that its descriptor gives."""
    if image is None:
        return ReportedImage()
    pinned = f"{repository}@{image.digest}"
    return ReportedImage(reference=pinned, digest=str(image.digest), size=image.size, media_type=image.media_type)


def reported_signature(found: SignatureResult) -> ReportedSignature:
    """A signature as the report shows it."""
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
