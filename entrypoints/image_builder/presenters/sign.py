"""What ``sign --dry-run`` prints, as text and as JSON, and the summary of ``sign``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from image_builder_domain.plan.signing import SignPlan
from image_builder_domain.ports import Signer
from image_builder_domain.report.outcome import SigningOutcome
from image_builder_domain.trust.side import trust_facts

from image_builder.presenters.plan import side_as_text, signers_as_json, signers_as_text


def plan_as_json(plan: SignPlan, signers: Mapping[str, Signer]) -> dict[str, Any]:
    """Everything in the plan, as one JSON object."""
    return {
        "trust": asdict(trust_facts(plan.job)),
        "images": [str(reference) for reference in plan.references],
        "signers": signers_as_json(plan.signers, signers, plan.references),
    }


def plan_as_text(plan: SignPlan, signers: Mapping[str, Signer]) -> str:
    """The plan as lines for people."""
    lines = [f"Plan to sign {len(plan.references)} image{'s' if len(plan.references) > 1 else ''}"]
    lines += side_as_text(plan.job)
    lines += [f"  image     {reference}" for reference in plan.references]
    lines += signers_as_text(plan.signers, signers, plan.references)
    return "\n".join(lines)


def summary(outcome: SigningOutcome, report_path: str | None) -> str:
    """The signatures of each image, and the path of the report."""
    lines = []
    for image in outcome.images:
        lines.append(f"{image.reference}: {'signed' if image.is_done else 'NOT SIGNED'}")
        if image.digest is not None:
            lines.append(f"  digest       {image.digest}")
        lines += [f"  {found.status.value:<12} by {found.author}" for found in image.signatures]
    if report_path is not None:
        lines.append(f"report: {report_path}")
    return "\n".join(lines)
