"""Which layer caches the build reads and writes (specification, section 3)."""

from dataclasses import replace

from returns.result import Result, Success

from image_builder_domain.build import CacheReferences
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix, image_reference
from image_builder_domain.plan.backend import Backend
from image_builder_domain.problem import Problems, located, refuse, together
from image_builder_domain.trust.job import Job


def decide_cache(
    configuration: Configuration, job: Job, name: str, backend: Backend
) -> Result[CacheReferences, Problems]:
    """Unmerged code reads production's cache and writes only its own."""
    cache = configuration.cache
    if not cache.enabled or cache.repository is None:
        return Success(CacheReferences())
    if backend is Backend.KANIKO:
        return _one_repository(configuration, job, cache.repository)
    if backend is Backend.BUILDKIT and not cache.run_layers:
        what = "cache.cache-run-layers is false, but BuildKit always caches them"
        return refuse(configuration.file, what, "remove the key, or switch the cache off")
    found = _references(configuration, job, name, cache.repository)
    if backend is Backend.BUILDKIT:  # it always keeps both kinds
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
    return together(main, _cache_reference(dev, name)).map(lambda found: CacheReferences(found, (found[1],)))


def variant_cache(cache: CacheReferences, variant: str) -> CacheReferences:
    """The same with a place for this variant alone: builds of one moment would overwrite each other's cache."""

    def own(references: tuple[ImageReference, ...]) -> tuple[ImageReference, ...]:
        return tuple(image_reference(found.repository, f"{found.tag}-{variant}") for found in references)

    return replace(cache, imports=own(cache.imports), exports=own(cache.exports))


def _one_repository(
    configuration: Configuration, job: Job, repository: RegistryPrefix
) -> Result[CacheReferences, Problems]:
    """kaniko's cache is one repository for all images, with a tag for each layer; it reads and writes the same."""
    cache = configuration.cache
    chosen = repository if job.is_production or cache.dev_repository is None else cache.dev_repository
    may_write = job.is_production or cache.dev_repository is not None

    def references(found: Repository) -> CacheReferences:
        place = (image_reference(found, "layers"),)
        return CacheReferences(place, place if may_write else (), cache.run_layers, cache.copy_layers)

    if not chosen.path:
        what = f"the cache repository {chosen.text} is a registry's host alone, and kaniko needs a repository"
        return refuse(configuration.file, what, f"write {chosen.text}/cache")
    return Success(references(Repository(chosen.domain, chosen.path)))


def _cache_reference(prefix: RegistryPrefix, name: str) -> Result[ImageReference, Problems]:
    return located(prefix.repository(name), "--name", "choose another name").map(
        lambda repository: image_reference(repository, "buildcache")
    )
