"""Why a run failed, in the order in which a reader wants to know it."""

from collections.abc import Iterator

from image_builder_domain.report.report import SUCCESS, Report, ReportedImage
from image_builder_domain.signing import SignatureStatus


def causes(report: Report) -> tuple[str, ...]:
    """One text for each cause, without repetitions; none for a success.

    What follows from a cause is not in it: a destination that was not asked because the build failed, for example.
    """
    return () if report.outcome == SUCCESS else tuple(dict.fromkeys(_causes(report)))


def _causes(report: Report) -> Iterator[str]:
    yield from report.problems or ()
    for image in report.images:
        label = "" if image.variant is None else f"{image.variant}: "
        yield from (f"{label}{cause}" for cause in _of_image(image))
    run = report.pipeline.run if report.pipeline is not None else None
    if run is not None:
        # A stage fails because a job failed, and that because a task failed, which alone says why.
        yield from map(str, [record for record in run.failed if record.issues] or run.failed[-1:])
        if not run.failed and run.said:
            yield f"run {run.id}: {run.said}"
    if report.interrupted is not None:
        yield f"the run was stopped: {report.interrupted}"
    yield from report.not_written


def _of_image(image: ReportedImage) -> Iterator[str]:
    if image.failure is not None:
        yield image.failure.reason
        return
    for repository in image.repositories:
        if not repository.holds_digest:
            yield f"{repository.repository}: {repository.reason}"
    for place in image.destinations:
        if place.has_failed:
            yield f"{place.reference}: {place.reason}"
    for signature in image.signatures:
        if signature.status == SignatureStatus.FAILED.value:
            yield f"{signature.signer}: {signature.reference}: {signature.reason}"
