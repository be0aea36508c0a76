"""Which layer caches the build reads and writes (specification, section 3)."""

from dataclasses import replace

from returns.result import Result, Success

from image_builder_domain.build import CacheReferences
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.engine_type import CacheLayout
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix, image_reference
from image_builder_domain.plan.backend import ChosenEngine
from image_builder_domain.problem import Problems, gather, located, refuse
from image_builder_domain.trust.side import Job


def decide_cache(
    configuration: Configuration, job: Job, name: str, engine: ChosenEngine
) -> Result[CacheReferences, Problems]:
    """Unmerged code reads production's cache and writes only its own."""
    cache, traits = configuration.cache, engine.type.traits
    if not cache.enabled or cache.repository is None:
        return Success(CacheReferences())
    if traits.cache_layout is CacheLayout.ONE_REPOSITORY:
        return _one_repository(configuration, job, cache.repository, engine.title)
    if traits.caches_all_layers and not cache.run_layers:
        what = f"cache.cache-run-layers is false, but {engine.title} always caches them"
        return refuse(configuration.file, what, "remove the key, or switch the cache off")
    found = _references(configuration, job, name, cache.repository)
    if traits.caches_all_layers:
        return found
    return found.map(lambda cached: replace(cached, run_layers=cache.run_layers, copy_layers=cache.copy_layers))


def _references(
    configuration: Configuration, job: Job, name: str, repository: RegistryPrefix
) -> Result[CacheReferences, Problems]:
    main, dev = _cache_reference(repository, name), configuration.cache.dev_repository
    if job.is_production:
        return main.map(lambda found: CacheReferences((found,), (found,)))
    if dev is None:
        return main.map(lambda found: CacheReferences((found,)))
    return gather(main, _cache_reference(dev, name)).map(lambda read, own: CacheReferences((read, own), (own,)))


def variant_cache(cache: CacheReferences, variant: str) -> CacheReferences:
    """The same caches with tags of this variant: concurrent builds would overwrite each other's cache."""

    def own(references: tuple[ImageReference, ...]) -> tuple[ImageReference, ...]:
        return tuple(image_reference(found.repository, f"{found.tag}-{variant}") for found in references)

    return replace(cache, imports=own(cache.imports), exports=own(cache.exports))


def _one_repository(
    configuration: Configuration, job: Job, repository: RegistryPrefix, title: str
) -> Result[CacheReferences, Problems]:
    """One repository for all images, with a tag for each layer, that the engine both reads and writes."""
    cache = configuration.cache
    chosen = repository if job.is_production or cache.dev_repository is None else cache.dev_repository
    may_write = job.is_production or cache.dev_repository is not None

    def references(found: Repository) -> CacheReferences:
        place = (image_reference(found, "layers"),)
        return CacheReferences(place, place if may_write else (), cache.run_layers, cache.copy_layers)

    if not chosen.path:
        what = f"the cache repository {chosen.text} is only a registry's host, and {title} needs a repository"
        return refuse(configuration.file, what, f"write {chosen.text}/cache")
    return Success(references(Repository(chosen.domain, chosen.path)))


def _cache_reference(prefix: RegistryPrefix, name: str) -> Result[ImageReference, Problems]:
    return located(prefix.repository(name), "--name", "choose another name").map(
        lambda repository: image_reference(repository, "buildcache")
    )
