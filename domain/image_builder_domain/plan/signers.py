"""Which signers sign, and why each of the others does not (specification, section 8)."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.configuration.file import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.trust.job import Job


@final
@dataclass(frozen=True, slots=True)
class SignerChoice:
    """One defined signer: in (``chosen``) or out, and why."""

    definition: SignerDefinition
    chosen: bool
    why: str


def choose_signers(configuration: Configuration, job: Job) -> tuple[SignerChoice, ...]:
    """Every defined signer with its fate: those enabled for the repository first, in the order they are enabled."""
    enabled = _enabled(configuration, job.state.repository)
    order = {name: index for index, name in enumerate(enabled)}
    ranked = sorted(configuration.signers, key=lambda signer: order.get(signer.name, len(order)))
    return tuple(SignerChoice(signer, *_fate(signer, enabled, job)) for signer in ranked)


def why_not_signed(choices: tuple[SignerChoice, ...], job: Job) -> str:
    """Why nobody signs; empty when somebody does."""
    if any(choice.chosen for choice in choices):
        return ""
    if not choices:
        return "the configuration defines no signer"
    if job.state.repository is None:
        return "without --repo the sign configuration is not used"
    return "; ".join(f"{choice.definition.name}: {choice.why}" for choice in choices)


def _enabled(configuration: Configuration, repository: str | None) -> dict[str, tuple[str, ...]]:
    """Names in configuration order, each with every key that enables it; none without a repository."""
    if repository is None:
        return {}
    enabled: dict[str, tuple[str, ...]] = {}
    for key in ("*", repository):
        for name in dict.fromkeys(configuration.enabled_signers.get(key, ())):
            enabled[name] = (*enabled.get(name, ()), key)
    return enabled


def _fate(signer: SignerDefinition, enabled: dict[str, tuple[str, ...]], job: Job) -> tuple[bool, str]:
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
