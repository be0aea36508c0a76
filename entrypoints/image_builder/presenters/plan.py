"""What the plans of all modes show: the job with its side, and the signers with their requests."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.trust.side import Job, trust_facts

from image_builder.presenters.console import Console

if TYPE_CHECKING:
    from image_builder_domain.plan.signing import SignerChoice
    from image_builder_domain.ports import Signer


def warn(job: Job, console: Console) -> None:
    """Print the warnings about the job's side where the CI system shows them."""
    show_warnings(job.warnings, console)


def show_warnings(texts: Iterable[str], console: Console) -> None:
    """Print warnings where the CI system shows them, beside the job."""
    for text in texts:
        console.shown_warning(text)


def source_as_text(job: Job) -> list[str]:
    """Rows for the job, its commit and its side."""
    state = job.state
    repository = f", {state.repository}" if state.repository else ""
    pull_request = f", pull request {state.pull_number}" if state.pull_number else ""
    return [
        f"  job       {state.job_type.value} ({state.system.value}){repository}{pull_request}",
        f"  commit    {state.commit or 'none of its own: several pull requests are built together'}",
        *side_as_text(job),
    ]


def side_as_text(job: Job) -> list[str]:
    """Rows for the side of the job and the facts that it follows from."""
    facts = trust_facts(job)
    words = {True: "yes", False: "no", None: "not known"}
    rows = [f"  side      {job.side.value}: {job.reason}"]
    if job.listing is None:
        return rows
    rows.append(f"  ref       {facts.ref or 'not known'}, protected: {words[job.state.is_protected]}")
    if facts.pattern is not None:
        rows.append(f"  listed    {facts.pattern}")
    if facts.nearest is not None:
        rows.append(f"  nearest   {facts.nearest}")
    if job.state.is_fork:
        rows.append("  fork      yes")
    return rows


def signers_as_text(
    choices: Iterable["SignerChoice"], signers: Mapping[str, "Signer"], images: tuple[ImageReference, ...]
) -> list[str]:
    """Rows for each defined signer: whether it signs, why, and its request."""
    lines = []
    for choice in choices:
        verdict = "signs" if choice.chosen else "does not sign"
        lines.append(f"  signer    {choice.definition.name} {verdict}: {choice.why}")
        lines += [f"            {line}" for line in (_request(choice, signers, images) or "").splitlines()]
    return lines


def signers_as_json(
    choices: Iterable["SignerChoice"], signers: Mapping[str, "Signer"], images: tuple[ImageReference, ...]
) -> list[dict[str, Any]]:
    """One object for each defined signer."""
    return [
        {
            "name": choice.definition.name,
            "type": choice.definition.type,
            "chosen": choice.chosen,
            "why": choice.why,
            "request": _request(choice, signers, images),
        }
        for choice in choices
    ]


def _request(choice: "SignerChoice", signers: Mapping[str, "Signer"], images: tuple[ImageReference, ...]) -> str | None:
    signer = signers.get(choice.definition.name)
    return signer.describe(images) if signer is not None else None
