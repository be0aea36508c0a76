"""The summary of a run, as a person likes to read it."""

from image_builder_domain.plan.build import Plan
from image_builder_domain.report.outcome import ImageOutcome, Outcome


def summary(plan: Plan, outcome: Outcome, report_path: str | None) -> str:
    """What was built, where it is, who signed it, and where the evidence lies."""
    lines = [line for image in outcome.images for line in _image(image)]
    if len(outcome.images) > 1:
        lines.append(f"{sum(image.is_published for image in outcome.images)} of {len(outcome.images)} published")
    if plan.not_signed:
        lines.append(f"  not signed   {plan.not_signed}")
    if report_path is not None:
        lines.append(f"  report       {report_path}")
    return "\n".join(lines)


def _image(outcome: ImageOutcome) -> list[str]:
    request = outcome.request
    title = request.name if request.variant is None else f"{request.name} ({request.variant})"
    verdict = "built" if outcome.failure is None else "failed"
    lines = [f"{title}: {verdict} in {outcome.duration_seconds:.1f} s"]
    if outcome.image is not None:
        lines.append(f"  digest       {outcome.image.digest}")
    for place in outcome.destinations:
        # Only a registry knows what it holds, and it may not have been asked: never claim that nothing is there.
        lines.append(f"  {'pushed' if place.holds else 'UNCONFIRMED':<12} {place.reference}")
    for found in outcome.signatures:
        lines.append(f"  {found.status.value:<12} {found.reference} by {found.author}")
    if outcome.log_path is not None:
        lines.append(f"  log          {outcome.log_path}")
    return lines
