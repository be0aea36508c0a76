"""Outcomes of builds, and the reports that they make."""

from typing import Any

from image_builder_domain.build import BuildFailed, BuildFailure, BuildRequest, PlannedBuild
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.remote import RemotePlan
from image_builder_domain.plan.signing import SignPlan
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.remote_pipeline import RunRequest
from image_builder_domain.report.build_outcome import (
    ImageOutcome,
    Outcome,
    RepositoryOutcome,
    Unconfirmed,
    report,
)
from image_builder_domain.report.report import Report
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_domain.tag import Tag

from tests.given import plan_of
from tests.jobs import as_claimed

REFERENCE = ImageReference.parse("reg.example/prod/app:v1").unwrap()
IMAGE = Descriptor(OCI_MANIFEST, Digest("sha256:" + "a" * 64), 524)
BUILD = PlannedBuild(BuildRequest("app", None, "/src", "Dockerfile", (REFERENCE.repository,)), (REFERENCE,))
JOB = as_claimed(GitState(CiSystem.LOCAL, JobType.LOCAL, "a" * 40))
PLAN = plan_of(JOB, BUILD, tags=(Tag("default", "v1"),), not_signed="the configuration defines no signer")
SIGN_PLAN = SignPlan(JOB, (REFERENCE,), ())
REMOTE_PLAN = RemotePlan("app", JOB, AdoSettings("https://ado.example", "project", 7), RunRequest(()), (), ())


def image_outcome(
    failure: BuildFailure | None = None,
    missing: Unconfirmed | None = None,
    signature: SignatureStatus | None = None,
) -> ImageOutcome:
    """An image that was built unless there is a ``failure``, and pushed unless it is ``missing`` for this reason."""
    built = IMAGE if failure is None else None
    signatures = (
        (SignatureResult("notary", REFERENCE, IMAGE.digest, signature, 1, 0.1),) if signature is not None else ()
    )
    place = RepositoryOutcome(REFERENCE.repository, missing)
    is_good = failure is None and missing is None and signature is not SignatureStatus.FAILED
    tag = TagFate(REFERENCE, Fate.CREATED) if is_good else TagFate(REFERENCE, Fate.WITHHELD, None, "so")
    return ImageOutcome(BUILD, built, failure, ("linux/amd64",), (place,), (tag,), signatures, "/log", 1.0)


SIGNED = image_outcome(signature=SignatureStatus.SIGNED)


def failed(*lines: str, reason: str = "RUN failed") -> ImageOutcome:
    """An image that was not built, with the last lines of the failing step."""
    return image_outcome(BuildFailed(reason, lines, 1), Unconfirmed("not asked: the engine reported no digest"))


def reported(*images: ImageOutcome) -> Report:
    """The report of a run with these images; without any, of one that built and signed one image."""
    return report(PLAN, Outcome(images or (SIGNED,)))


def as_json(*images: ImageOutcome, **changes: Any) -> dict[str, Any]:
    """The same as JSON, with other members."""
    return reported(*images).to_json() | changes
