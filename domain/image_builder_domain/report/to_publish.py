"""What a run that publishes takes from the report of the build: digests, and nothing else.

Destinations and tags are decided anew. A build step may have changed the report, so whether an image is this job's is
decided by what its manifest says of itself.
"""

from typing import Final

from returns.result import Failure, Result, Success

from image_builder_domain.build import PlannedBuild
from image_builder_domain.image.descriptor import MANIFEST_TYPES, Descriptor, HeldManifest
from image_builder_domain.image.reference import Digest
from image_builder_domain.plan.build import Plan
from image_builder_domain.problem import Problem, Problems, every, located, refuse
from image_builder_domain.publish.identity import Identity
from image_builder_domain.report.build_outcome import ImageOutcome
from image_builder_domain.report.report import Report, ReportedImage

_EDITED: Final = "give the report as --build-report-path wrote it"
_UNFINISHED: Final = {"refused": "was refused", "running": "did not finish"}


def images_of_report(content: bytes, where: str, plan: Plan) -> Result[tuple[ImageOutcome, ...], Problems]:
    """The image that was built for each build of the plan, or every problem. ``where`` names the file."""
    return Report.from_json(content, where).bind(lambda report: _images(report, where, plan))


FOREIGN_REMEDY: Final = "publish in the job that built it; outside CI name it with --repo, in a git working copy"
"""What to do where a manifest is not one of this job."""


def why_foreign(held: HeldManifest, ours: Identity) -> str | None:
    """Why a manifest is not one of this job: its annotations name another repository or commit, or none."""
    if ours.source is None or ours.revision is None:
        return "it is not known which repository and commit this job builds"
    theirs = Identity.of_annotations(dict(held.annotations))
    if ours.is_same_source(theirs) and theirs.revision == ours.revision:
        return None
    claimed = f"commit {theirs.revision or 'unknown'} of {theirs.source or 'no repository'}"
    return f"its annotations name {claimed}, but this job is of commit {ours.revision} of {ours.source}"


def _images(report: Report, where: str, plan: Plan) -> Result[tuple[ImageOutcome, ...], Problems]:
    if report.outcome in _UNFINISHED:
        what = f"the run that wrote this report {_UNFINISHED[report.outcome]}, so there is nothing to publish"
        return refuse(where, what, "build again")
    if report.image_name != plan.name:
        return refuse(where, f"the report is about the image {report.image_name!r}, not {plan.name!r}", _EDITED)
    return every(_image(build, report, where) for build in plan.builds)


def _image(build: PlannedBuild, report: Report, where: str) -> Result[ImageOutcome, Problems]:
    variant = build.request.variant
    found = [image for image in report.images if image.variant == variant and image.digest]
    if len(found) != 1:
        which = "no image" if not found else "several images"
        return refuse(
            where, f"the report has {which}{'' if variant is None else f' of the variant {variant!r}'}", _EDITED
        )
    return _descriptor(found[0], where).map(lambda image: ImageOutcome(build, image, None, found[0].platforms))


def _descriptor(image: ReportedImage, where: str) -> Result[Descriptor, Problems]:
    media_type, size = image.media_type, image.size
    if media_type not in MANIFEST_TYPES or not isinstance(size, int):
        return Failure((Problem(where, f"{media_type!r} with the size {size!r} is not a manifest", _EDITED),))
    digest = located(Digest.parse(image.digest or ""), where, _EDITED)
    return digest.bind(lambda found: Success(Descriptor(str(media_type), found, size)))
