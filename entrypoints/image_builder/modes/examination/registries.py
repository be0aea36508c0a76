"""The registries of the configuration: whether each answers, and where credentials for it are looked for."""

from collections.abc import Iterator
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.failure import RegistryUnreachable
from image_builder_domain.image.reference import Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.plan.destinations import registries_of
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.ports import Cancellation
from image_builder_domain.trust.side import Job
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

from image_builder.container import Settings
from image_builder.container.examination import (
    DockerCredentials,
    PushAnswer,
    impatient_client,
    push_rights,
    reachable,
)
from image_builder.workflows.side_by_side import side_by_side

_AREA: Final = "registry"
_AT_ONCE: Final = 8
_FIX: Final = "fix it, or run 'docker login' for this registry"


def look_at_registries(
    name: str | None,
    configuration: Configuration | None,
    inputs: TagInputs,
    is_local: bool,
    settings: Settings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    """Needed are those that this job's images go to, unless a pipeline pushes them. Each is asked once, for 5 s.

    The right to push is checked for the repository of ``name`` only: in a repository of another name the rights may
    differ, and some registries would make that repository.
    """
    if configuration is None:
        return
    wanted = _needed(configuration, inputs.job.value_or(None)) if is_local else ()
    prefixes = tuple(dict.fromkeys((*wanted, *_all(configuration))))
    credentials, client = DockerCredentials(settings.environment), impatient_client()
    places = tuple(below(prefix, name) for prefix in prefixes)
    pushed = {place for prefix, place in zip(prefixes, places, strict=True) if prefix in wanted and name}
    rights = push_rights(settings.environment, settings.redactor, client)

    def ask(place: Repository) -> tuple[Result[str, RegistryUnreachable], PushAnswer | None]:
        answer = reachable(place, client, cancellation)
        is_asked = place in pushed and not isinstance(answer, Failure)
        return answer, rights(place, cancellation) if is_asked else None

    try:
        answers = side_by_side(ask, places, _AT_ONCE)
    finally:
        client.close()
    for prefix, place, (answer, right) in zip(prefixes, places, answers, strict=True):
        is_needed, found = prefix in wanted, unwrap_or_failure(answer)
        if isinstance(found, RegistryUnreachable):
            yield Finding(_AREA, prefix.text, found.reason, False, is_needed, found.hint)
        else:
            yield Finding(_AREA, prefix.text, found, True, is_needed)
        yield _credentials(prefix.text, place, credentials, is_needed)
        if right is not None:
            yield _right(prefix.text, place, right)


def _right(text: str, place: Repository, right: PushAnswer) -> Finding:
    refused = unwrap_or_failure(right)
    if refused is None:
        return Finding(_AREA, f"{text} push", f"allowed to {place}", is_needed=True)
    what, _, remedy = refused.description.rpartition("; ")
    return Finding(_AREA, f"{text} push", what or remedy, False, True, remedy)


def _credentials(text: str, place: Repository, credentials: DockerCredentials, is_needed: bool) -> Finding:
    subject, found = f"{text} credentials", unwrap_or_failure(credentials.places(place))
    if not isinstance(found, tuple):
        return Finding(_AREA, subject, f"{found.path}: {found.reason}", False, is_needed, _FIX)
    checked = credentials.check((place,))
    if isinstance(checked, Failure):
        wrong = checked.failure()
        return Finding(_AREA, subject, f"{wrong.path}: {wrong.reason}", False, is_needed, _FIX)
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
