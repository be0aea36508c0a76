"""The registries of the configuration: whether each answers, and where credentials for it are looked for."""

from collections.abc import Iterator
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.image.reference import Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.plan.destinations import registries_of
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.ports import Cancellation
from image_builder_domain.trust.side import Job
from returns.methods import unwrap_or_failure
from returns.result import Failure

from image_builder.container import Settings
from image_builder.container.examination import DockerCredentials, impatient_client, reachable
from image_builder.workflows.side_by_side import side_by_side

_AREA: Final = "registry"
_AT_ONCE: Final = 8
_REMEDY: Final = "check its name, the network and the proxy variables"


def look_at_registries(
    name: str | None,
    configuration: Configuration | None,
    inputs: TagInputs,
    is_local: bool,
    settings: Settings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    """Needed are those that this job's images go to, unless a pipeline pushes them. Each is asked once, for 5 s."""
    if configuration is None:
        return
    wanted = _needed(configuration, inputs.job.value_or(None)) if is_local else ()
    prefixes = tuple(dict.fromkeys((*wanted, *_all(configuration))))
    credentials, client = DockerCredentials(settings.environment), impatient_client()
    places = tuple(below(prefix, name) for prefix in prefixes)
    try:
        answers = side_by_side(lambda place: reachable(place, client, cancellation), places, _AT_ONCE)
    finally:
        client.close()
    for prefix, place, answer in zip(prefixes, places, answers, strict=True):
        is_needed, found = prefix in wanted, unwrap_or_failure(answer)
        is_good = not isinstance(answer, Failure)
        yield Finding(_AREA, prefix.text, found, is_good, is_needed, "" if is_good else _REMEDY)
        yield _credentials(prefix.text, place, credentials, is_needed)


def _credentials(text: str, place: Repository, credentials: DockerCredentials, is_needed: bool) -> Finding:
    subject, found = f"{text} credentials", unwrap_or_failure(credentials.places(place))
    if not isinstance(found, tuple):
        return Finding(_AREA, subject, str(found), False, is_needed, "fix it, or remove it for anonymous access")
    checked = credentials.check((place,))
    if isinstance(checked, Failure):
        return Finding(
            _AREA, subject, str(checked.failure()), False, is_needed, "install the helper, or remove its key"
        )
    return Finding(_AREA, subject, ", else ".join(found) or "none: it is asked anonymously")


def _needed(configuration: Configuration, job: Job | None) -> tuple[RegistryPrefix, ...]:
    """Where this job's images go; of a job that is not understood, nowhere."""
    return registries_of(configuration, job).value_or(()) if job is not None else ()


def _all(configuration: Configuration) -> tuple[RegistryPrefix, ...]:
    cache = configuration.cache
    caches = (cache.repository, cache.dev_repository) if cache.enabled else ()
    return (
        *configuration.registries,
        *configuration.dev_registries,
        *(prefix for prefix in caches if prefix is not None),
    )


def below(prefix: RegistryPrefix, name: str | None) -> Repository:
    """A repository below the prefix: credentials may be for some of them only."""
    whole = prefix.repository(name or "image").value_or(None)
    return whole if whole is not None else Repository(prefix.domain, prefix.path or "image")
