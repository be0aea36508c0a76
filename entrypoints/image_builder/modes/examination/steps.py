"""Check for ``doctor`` what a build step of unmerged code could read: kaniko's steps can read what the tool can."""

from collections.abc import Iterator
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.plan.destinations import registries_of
from image_builder_domain.plan.signing import choose_signers
from image_builder_domain.trust.side import Job

from image_builder.container import Settings
from image_builder.container.examination import DockerCredentials, executor_path, is_in_our_container, signers
from image_builder.modes.examination.registries import below

_AREA: Final = "engine kaniko"
_REMEDY: Final = "mount only credentials that every author of a pull request may have, or build with BuildKit"


def look_at_steps(
    backend: str | None, configuration: Configuration | None, job: Job | None, settings: Settings
) -> Iterator[Finding]:
    """A warning for each credential of production in a job that builds unmerged code with kaniko."""
    if backend != "kaniko" or configuration is None or job is None or not job.is_unmerged:
        return
    own = registries_of(configuration, job).value_or(())
    credentials = DockerCredentials(settings.environment)
    for prefix in (found for found in _of_production(configuration) if found not in own):
        for place in credentials.places(below(prefix, None)).value_or(()):
            yield _readable(f"{prefix.text} credentials", place)
    if not is_in_our_container(executor_path(settings.environment)):
        return  # a root of its own shows Docker's configuration, and nothing else
    for choice in choose_signers(configuration, job):
        signer, read = choice.definition, signers()[choice.definition.type].secrets
        if not choice.chosen and read is not None and any(read(signer.settings)):
            yield _readable(f"signer {signer.name}", "its secret")


def _of_production(configuration: Configuration) -> tuple[RegistryPrefix, ...]:
    cache = configuration.cache.repository
    return (*configuration.registries, *((cache,) if configuration.cache.enabled and cache is not None else ()))


def _readable(subject: str, place: str) -> Finding:
    what = f"{place}: a build step of this unmerged code can read this production credential"
    return Finding(_AREA, subject, what, is_good=False, remedy=_REMEDY)
