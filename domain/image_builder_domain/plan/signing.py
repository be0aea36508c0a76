"""The signers that sign, why each other one does not, and the plan of ``sign`` (specification, sections 3 and 8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.problem import Problem, Problems, every, gather, located, refuse
from image_builder_domain.trust.pull_request_tags import has_pull_request_shape
from image_builder_domain.trust.side import Job


@final
@dataclass(frozen=True, slots=True)
class SignerChoice:
    """One defined signer, whether it is ``chosen``, and why."""

    definition: SignerDefinition
    chosen: bool
    why: str


def choose_signers(configuration: Configuration, job: Job) -> tuple[SignerChoice, ...]:
    """Every defined signer: those enabled for the repository first, in the order in which they are enabled."""
    enabled = _enabled(configuration, job.state.repository)
    order = {name: index for index, name in enumerate(enabled)}
    ranked = sorted(configuration.signers, key=lambda signer: order.get(signer.name, len(order)))
    return tuple(SignerChoice(signer, *_decision(signer, enabled, job)) for signer in ranked)


def why_not_signed(choices: tuple[SignerChoice, ...], job: Job) -> str:
    """Why no signer signs; empty if one does."""
    if any(choice.chosen for choice in choices):
        return ""
    if not choices:
        return "the configuration defines no signer"
    if job.state.repository is None:
        return "without --repo the sign configuration is not used"
    return "; ".join(f"{choice.definition.name}: {choice.why}" for choice in choices)


def signers_without_indexes(choices: tuple[SignerChoice, ...]) -> tuple[SignerDefinition, ...]:
    """The chosen signers that cannot sign an image of several platforms."""
    chosen = (choice.definition for choice in choices if choice.chosen)
    return tuple(signer for signer in chosen if not signer.settings.signs_indexes)


def _enabled(configuration: Configuration, repository: str | None) -> dict[str, tuple[str, ...]]:
    """Names in configuration order, each with every key that enables it; none without a repository."""
    if repository is None:
        return {}
    enabled: dict[str, tuple[str, ...]] = {}
    for key in ("*", repository):
        for name in dict.fromkeys(configuration.enabled_signers.get(key, ())):
            enabled[name] = (*enabled.get(name, ()), key)
    return enabled


def _decision(signer: SignerDefinition, enabled: dict[str, tuple[str, ...]], job: Job) -> tuple[bool, str]:
    if job.state.repository is None:
        return False, "the repository is unknown: outside CI --repo names it"
    if signer.name not in enabled:
        return False, f"not enabled for {job.state.repository}"
    if job.is_local and signer.job_types:
        return False, "it has a job-type, and this is outside CI"
    if signer.job_types and job.counts_as not in signer.job_types:
        return False, f"its job-type does not name {job.counts_as.value}"
    if not signer.job_types and job.is_unmerged:
        return False, f"a {job.title} is signed only by a signer whose job-type names it"
    named = f", and its job-type names {job.counts_as.value}" if signer.job_types else ""
    return True, f"enabled by {' and '.join(map(repr, enabled[signer.name]))}{named}"


# --- signing images that exist ----------------------------------------------------------------------------------------

_FLAG: Final = "--images-to-sign"


@final
@dataclass(frozen=True, slots=True)
class SignPlan:
    """What will be signed, each reference once, in the order of the command line. At least one signer is chosen."""

    job: Job
    references: tuple[ImageReference, ...]
    signers: tuple[SignerChoice, ...]
    log_format: str | None = None

    @property
    def signers_without_indexes(self) -> tuple[str, ...]:
        """The names of the chosen signers that cannot sign an image of several platforms."""
        return tuple(signer.name for signer in signers_without_indexes(self.signers))


def decide_signing(images: tuple[str, ...], inputs: TagInputs) -> Result[SignPlan, Problems]:
    """The plan for these references, or every problem; with one bad reference none is signed."""
    configuration, job, references = inputs.configuration, inputs.job, _references(images)
    allowed = gather(configuration, job, references).bind(_of_this_side)
    signers = gather(configuration, job).bind(_signers)
    tagged = gather(references, signers).bind(_tagged)
    return gather(configuration, job, references, signers, allowed, tagged).map(
        lambda known, of, found, choices, _allowed, _tagged: SignPlan(of, found, choices, known.log_format)
    )


def _references(images: tuple[str, ...]) -> Result[tuple[ImageReference, ...], Problems]:
    if not images:
        return refuse(_FLAG, "no image is named", f"give references, such as {_FLAG} host/image:tag")
    found = every(
        located(ImageReference.parse(text), _FLAG, "write host/image:tag or host/image@digest") for text in images
    )
    return found.map(lambda references: tuple({str(reference): reference for reference in references}.values()))


def _of_this_side(
    configuration: Configuration, job: Job, references: tuple[ImageReference, ...]
) -> Result[None, Problems]:
    """Unmerged code signs nothing outside dev-registry, and production nothing that unmerged code can write."""
    problems = [
        Problem(_FLAG, f"{reference}: {reason}", remedy)
        for reference in references
        for reason, remedy in _objections(configuration, job, reference)
    ]
    return Failure(tuple(problems)) if problems else Success(None)


def _objections(configuration: Configuration, job: Job, reference: ImageReference) -> Iterator[tuple[str, str]]:
    is_below = any(registry.contains(reference.repository) for registry in configuration.dev_registries)
    if job.is_unmerged and not is_below:
        yield f"this job ({job.title}) signs only images below dev-registry", "sign it in a job of merged code"
    if job.is_production and is_below:
        yield "it lies below dev-registry, where unmerged code can write", "sign an image that a production job built"
    if not job.is_unmerged and reference.tag is not None and _may_be_of_a_pull_request(configuration, reference):
        what = f"pr-tags-in-registry lets pull requests write tags like {reference.tag!r}"
        yield what, "sign another tag of this image"


def _may_be_of_a_pull_request(configuration: Configuration, reference: ImageReference) -> bool:
    if not configuration.pr_tags_in_registry or configuration.dev_registries or reference.tag is None:
        return False
    is_below = any(registry.contains(reference.repository) for registry in configuration.registries)
    return is_below and has_pull_request_shape(reference.tag, configuration)


def _signers(configuration: Configuration, job: Job) -> Result[tuple[SignerChoice, ...], Problems]:
    choices = choose_signers(configuration, job)
    why = why_not_signed(choices, job)
    if why:
        return refuse("sign-config", f"no signer would sign: {why}", f"change it in {configuration.file}")
    return Success(choices)


def _tagged(references: tuple[ImageReference, ...], signers: tuple[SignerChoice, ...]) -> Result[None, Problems]:
    """Refuse references without a tag if a signer signs the names of tags."""
    demanding = [
        choice.definition.name for choice in signers if choice.chosen and choice.definition.settings.needs_tags
    ]
    if not demanding:
        return Success(None)
    bare = tuple(
        Problem(
            _FLAG, f"{reference} has no tag, and the signer {demanding[0]!r} signs tags", "write host/image:tag@digest"
        )
        for reference in references
        if reference.tag is None
    )
    return Failure(bare) if bare else Success(None)
