"""What is built: one request for each variant, or a single one (specification, sections 4 to 6)."""

from dataclasses import dataclass
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.plan.arguments import Arguments, decide_arguments, merged
from image_builder_domain.plan.backend import Backend
from image_builder_domain.plan.build_inputs import Inputs, Source
from image_builder_domain.plan.caches import decide_cache, variant_cache
from image_builder_domain.plan.destinations import decide_destinations, decide_repositories
from image_builder_domain.plan.inputs import EPOCH, Asked, source_date_epoch
from image_builder_domain.problem import Problem, Problems, every, located, refuse, together
from image_builder_domain.source.variant import Variant, chosen_variants
from image_builder_domain.tag import Tag
from image_builder_domain.trust.job import Job

MOST_DESTINATIONS: Final = 100_000
"""Limit of tags times registries times variants; each factor also has a limit of its own."""


@final
@dataclass(frozen=True, slots=True)
class Builds:
    """The requests in the order of ``variants.yaml``, and what they were made of."""

    requests: tuple[BuildRequest, ...]
    source: Source
    arguments: Arguments


@final
@dataclass(frozen=True, slots=True)
class _Common:
    """What all variants share."""

    name: str
    source: Source
    repositories: tuple[Repository, ...]
    tags: tuple[Tag, ...]
    arguments: Arguments
    platforms: tuple[Platform, ...]
    target: str | None
    epoch: int | None
    cache: CacheReferences


def decide_builds(
    inputs: Inputs,
    known: Result[tuple[Configuration, Job, str], Problems],
    tags: Result[tuple[Tag, ...], Problems],
    backend: Result[Backend, Problems],
) -> Result[Builds, Problems]:
    """Every request, or every problem of what they are made of; no two of them have a destination in common."""
    asked = inputs.tags.asked
    variants = inputs.source.bind(lambda source: chosen_variants(source.variants, asked.variant))
    repositories = known.bind(lambda found: decide_repositories(*found))
    cache = together(known, backend).bind(lambda found: decide_cache(*found[0], found[1]))
    arguments = decide_arguments(inputs.tags, tags)
    platforms = backend.bind(lambda found: _platforms(asked, found))
    epoch = backend.bind(lambda found: _epoch(inputs, found))
    own = together(inputs.source, arguments, platforms, epoch)
    return together(own, repositories, tags, cache, variants).bind(
        lambda found: _requests(_common(asked, *found[0], *found[1:4]), found[4])
    )


def _common(
    asked: Asked,
    source: Source,
    arguments: Arguments,
    platforms: tuple[Platform, ...],
    epoch: int | None,
    repositories: tuple[Repository, ...],
    tags: tuple[Tag, ...],
    cache: CacheReferences,
) -> _Common:
    name = asked.name or ""
    return _Common(name, source, repositories, tags, arguments, platforms, asked.target, epoch, cache)


def _requests(common: _Common, variants: tuple[Variant, ...]) -> Result[Builds, Problems]:
    places = len(common.tags) * len(common.repositories) * max(1, len(variants))
    if places > MOST_DESTINATIONS:
        what = (
            f"{len(common.tags)} tags, {len(common.repositories)} registries and {len(variants)} variants make {places}"
        )
        return refuse("--tag", f"{what} destinations, and at most {MOST_DESTINATIONS} are possible", "give fewer tags")
    requests = every(_request(common, variant) for variant in variants or (None,))
    return requests.bind(_without_collisions).map(lambda found: Builds(found, common.source, common.arguments))


def _request(common: _Common, variant: Variant | None) -> Result[BuildRequest, Problems]:
    source, arguments = common.source, common.arguments
    own = variant.arguments if variant is not None else ()
    return decide_destinations(common.repositories, common.tags, variant).map(
        lambda destinations: BuildRequest(
            name=common.name,
            variant=None if variant is None else variant.name,
            context=source.context,
            dockerfile=source.dockerfile,
            destinations=destinations,
            arguments=merged(own, arguments.exported, source.env_file or (), arguments.asked),
            platforms=common.platforms,
            target=common.target,
            cache=common.cache if variant is None else variant_cache(common.cache, variant.name),
            source_date_epoch=common.epoch,
        )
    )


def _without_collisions(builds: tuple[BuildRequest, ...]) -> Result[tuple[BuildRequest, ...], Problems]:
    """Whoever pushed last would win: two builds never push to one place, nor one to where a cache is kept."""
    caches = {reference: build for build in builds for reference in (*build.cache.imports, *build.cache.exports)}
    taken: dict[ImageReference, BuildRequest] = {}
    problems = []
    for build in builds:
        for place in build.destinations:
            first = taken.setdefault(place, build)
            if first is not build:
                what = f"the variants {first.variant!r} and {build.variant!r} would both be pushed to {place}"
                problems.append(Problem("--tag", what, "rename one of the tags or variants"))
            if place in caches:
                what = f"{place} is both a destination and a layer cache"
                problems.append(Problem("--tag", what, "choose another tag, or another cache-repo"))
    return Failure(tuple(problems)) if problems else Success(builds)


def _platforms(asked: Asked, backend: Backend) -> Result[tuple[Platform, ...], Problems]:
    named = every(located(Platform.parse(text), "--platform") for text in asked.platforms).map(
        lambda platforms: tuple(dict.fromkeys(platforms))
    )
    return named.bind(lambda platforms: _buildable(platforms, backend))


def _buildable(platforms: tuple[Platform, ...], backend: Backend) -> Result[tuple[Platform, ...], Problems]:
    if len(platforms) > 1 and backend is Backend.KANIKO:
        what = f"kaniko builds one platform, not {len(platforms)} at once"
        return refuse("--platform", what, "set USE_BUILDKIT=true, or build one platform in each run")
    return Success(platforms)


def _epoch(inputs: Inputs, backend: Backend) -> Result[int | None, Problems]:
    return inputs.tags.configuration.bind(
        lambda found: _reproducible_epoch(inputs, backend) if found.reproducible else Success(None)
    )


def _reproducible_epoch(inputs: Inputs, backend: Backend) -> Result[int | None, Problems]:
    if backend is Backend.KANIKO:
        return Success(0)  # it strips timestamps, whatever the time
    return source_date_epoch(inputs.tags.environment).bind(
        lambda given: _commit_time(inputs) if given is None else Success(given)
    )


def _commit_time(inputs: Inputs) -> Result[int | None, Problems]:
    if inputs.commit_time is not None:
        return Success(inputs.commit_time)
    what = "reproducible needs a time, and git cannot tell the commit's"
    return refuse(EPOCH, what, f"set {EPOCH}, or build inside the git working copy")
