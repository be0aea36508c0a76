"""Publish what another run of the same job built: sign and tag the digests of its report."""

from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Cancellation, Listener, PublishingRegistry
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.report.build_outcome import ImageOutcome, Outcome
from image_builder_domain.report.to_publish import FOREIGN_REMEDY, why_foreign
from returns.methods import unwrap_or_failure

from image_builder.workflows.build import Ports
from image_builder.workflows.check import pinned
from image_builder.workflows.publish import is_done, publish
from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE = 8


def foreign_images(
    images: tuple[ImageOutcome, ...], plan: Plan, registry: PublishingRegistry, cancellation: Cancellation
) -> Problems:
    """A problem for each manifest that does not carry the repository and commit of this job.

    One that cannot be read is left out: :func:`publish_report` asks for it, and compares it, before anything is signed.
    """
    asked = [
        pinned(repository, image.image.digest)
        for image in images
        if image.image is not None
        for repository in image.request.repositories
    ]
    answers = side_by_side(lambda one: unwrap_or_failure(registry.fetch(one, cancellation)), asked, _AT_ONCE)
    held = ((place, found) for place, found in zip(asked, answers, strict=True) if isinstance(found, HeldManifest))
    reasons = ((place, why_foreign(found, plan.tag_rules.identity)) for place, found in held)
    return tuple(Problem(str(place), reason, FOREIGN_REMEDY) for place, reason in reasons if reason is not None)


def publish_report(
    images: tuple[ImageOutcome, ...], plan: Plan, ports: Ports, listener: Listener, cancellation: Cancellation
) -> Outcome:
    """Check, sign and tag, as far as it goes."""
    ours = plan.tag_rules.identity
    found = publish(images, plan, ports, listener, cancellation, lambda held: why_foreign(held, ours))
    return Outcome(found, None if is_done(plan, found) else cancellation.reason())
