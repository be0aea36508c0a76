"""The repositories and references that images are pushed to (specification, sections 3 and 5)."""

from returns.pipeline import is_successful
from returns.result import Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.reference import TAG_RULE, ImageReference, MalformedReference, Repository, is_tag
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
    checked = located(_below_a_registry(asked.name), "--name", _better_name(asked.name))
    return checked.alt(
        lambda problems: tuple(
            Problem(found.where, found.what.replace("registry.invalid/", ""), found.remedy) for found in problems
        )
    ).map(lambda _: asked.name or "")


def _below_a_registry(name: str) -> Result[Repository, MalformedReference]:
    return Repository.parse(f"registry.invalid/{name}")


def _better_name(name: str) -> str:
    """What to write instead of a name that is not valid: people give a registry's host, a tag or a digest with it."""
    host, slash, rest = name.partition("/")
    path = rest if slash and _is_host(host) else name
    plain, colon, tag = path.partition("@")[0].partition(":")
    if plain.lower() != name and is_successful(_below_a_registry(plain.lower())):
        tags = f" --tag {tag}" if colon and is_tag(tag) else ""
        return f"write --name {plain.lower()}{tags}"
    return "choose another name"


def _is_host(component: str) -> bool:
    """Whether image references of other tools would read this first component as a registry's host."""
    return "." in component.strip(".") or ":" in component or component == "localhost"


def name_warnings(name: str) -> tuple[str, ...]:
    """A warning for a name that begins with a host: the registry comes from the configuration, and the host stays."""
    host, slash, rest = name.partition("/")
    if not slash or not _is_host(host):
        return ()
    what = f"--name: {host!r} looks like a registry's host, and is used as a folder below the registry"
    return (f"{what}; the configuration names the registry, so write --name {rest} if that is meant",)


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
