"""The repositories and references that images are pushed to (specification, sections 3 and 5)."""

from returns.result import Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.reference import TAG_RULE, ImageReference, Repository, is_tag
from image_builder_domain.image.registry_prefix import RegistryPrefix, image_reference
from image_builder_domain.plan.inputs import Asked
from image_builder_domain.problem import Problem, Problems, every, located, refuse
from image_builder_domain.source.variant import Variant
from image_builder_domain.tag import Tag
from image_builder_domain.trust.pull_request_tags import uses_production_for_pull_requests
from image_builder_domain.trust.side import Job


def image_name(asked: Asked) -> Result[str, Problems]:
    """The image's name below a registry, or why it is invalid."""
    if not asked.name:
        return refuse("--name", "the image name is missing", "give one, such as --name my-image")
    checked = located(Repository.parse(f"registry.invalid/{asked.name}"), "--name", "choose another name")
    return checked.alt(
        lambda problems: tuple(
            Problem(found.where, found.what.replace("registry.invalid/", ""), found.remedy) for found in problems
        )
    ).map(lambda _: asked.name or "")


def decide_repositories(configuration: Configuration, job: Job, name: str) -> Result[tuple[Repository, ...], Problems]:
    """The image's repository in every registry that this job's class may push to."""

    def place(registry: RegistryPrefix) -> Result[Repository, Problems]:
        found = located(registry.repository(name), "--name", "choose another name")
        return found.bind(lambda repository: _outside_the_cache(repository, configuration, job))

    return registries_of(configuration, job).bind(lambda registries: every(map(place, registries)))


def decide_destinations(
    repositories: tuple[Repository, ...], tags: tuple[Tag, ...], variant: Variant | None
) -> Result[tuple[ImageReference, ...], Problems]:
    """Every tag in every repository, each reference once. The tags of a variant end in its name."""
    values = every(_tag_value(tag, variant) for tag in tags)
    return values.map(
        lambda found: tuple(dict.fromkeys(image_reference(place, value) for value in found for place in repositories))
    )


def _tag_value(tag: Tag, variant: Variant | None) -> Result[str, Problems]:
    value = tag.value if variant is None else f"{tag.value}-{variant.name}"
    if variant is not None and not is_tag(value):
        return refuse(variant.where, f"{value!r} is not a tag: {TAG_RULE}", "shorten the tag or the variant's name")
    return Success(value)


def _outside_the_cache(repository: Repository, configuration: Configuration, job: Job) -> Result[Repository, Problems]:
    """Refuse an image of unmerged code below the cache repository: production would read it as a cache."""
    cache = configuration.cache.repository
    if cache is not None and not job.is_production and cache.contains(repository):
        return refuse("--name", f"{repository} lies in the layer cache of production", "choose another name")
    return Success(repository)


def registries_of(configuration: Configuration, job: Job) -> Result[tuple[RegistryPrefix, ...], Problems]:
    """The registries that images of this job go to."""
    in_production = job.is_production or uses_production_for_pull_requests(configuration, job)
    found = configuration.registries if in_production else configuration.dev_registries
    if found:
        return Success(found)
    if job.is_local and configuration.registries:
        return _published_from_here(configuration)
    key = "registry" if in_production else "dev-registry"
    remedy = f"add {key}" if configuration.ado is None else f"add {key}, or build in Azure DevOps with --build-in-ado"
    return refuse(configuration.file, f"{key} is missing, and this job ({job.title}) needs it", remedy)


def _published_from_here(configuration: Configuration) -> Result[tuple[RegistryPrefix, ...], Problems]:
    """``registry`` for a build outside CI: on loopback, or if the configuration allows it."""
    away = [registry.text for registry in configuration.registries if not registry.is_loopback]
    if configuration.trust.local_publishes or not away:
        return Success(configuration.registries)
    what = f"a build outside CI needs a dev-registry: the registry {away[0]} is not on loopback"
    return refuse(configuration.file, what, "add dev-registry, or the line 'local-publishes: true'")
