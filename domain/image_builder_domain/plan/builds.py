"""The builds: one for each variant, or a single one (specification, sections 4 to 6)."""

from dataclasses import dataclass
from functools import partial
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.build import BuildRequest, CacheReferences, PlannedBuild
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.plan.arguments import Arguments, decide_arguments, decide_platforms, merged
from image_builder_domain.plan.backend import ChosenEngine
from image_builder_domain.plan.caches import decide_cache, variant_cache
from image_builder_domain.plan.destinations import decide_destinations, decide_repositories
from image_builder_domain.plan.inputs import EPOCH, Inputs, source_date_epoch
from image_builder_domain.plan.publishing import identity_of
from image_builder_domain.problem import Problem, Problems, every, gather, refuse
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.target import chosen_target
from image_builder_domain.source.variant import Variant, chosen_variants
from image_builder_domain.tag import Tag
from image_builder_domain.trust.side import Job

MOST_DESTINATIONS: Final = 100_000
"""Limit of tags times registries times variants; each factor also has a limit of its own."""


@final
@dataclass(frozen=True, slots=True)
class Builds:
    """The builds in the order of ``variants.yaml``, and the source and arguments that they come from."""

    planned: tuple[PlannedBuild, ...]
    source: Source
    arguments: Arguments


@final
@dataclass(frozen=True, slots=True)
class _Shared:
    """The parts of a request that all variants share."""

    name: str
    target: str | None
    source: Source
    arguments: Arguments
    repositories: tuple[Repository, ...]
    tags: tuple[Tag, ...]
    platforms: tuple[Platform, ...]
    epoch: int | None
    cache: CacheReferences
    description: tuple[tuple[str, str], ...]


def decide_builds(
    inputs: Inputs,
    configuration: Result[Configuration, Problems],
    job: Result[Job, Problems],
    name: Result[str, Problems],
    tags: Result[tuple[Tag, ...], Problems],
) -> Result[Builds, Problems]:
    """All builds, or every problem of their parts; no two builds have a destination in common."""
    asked = inputs.tags.asked
    shared = gather(
        inputs.source,
        decide_arguments(inputs.tags, tags),
        gather(configuration, job, name).bind(decide_repositories),
        tags,
        decide_platforms(asked),
        gather(configuration, inputs.engine).bind(lambda found, engine: _epoch(found, engine, inputs)),
        gather(configuration, job, name, inputs.engine).bind(decide_cache),
        gather(job, name).map(lambda found, title: identity_of(inputs, found).described(title)),
    ).map(partial(_Shared, asked.name or "", asked.target))
    target = inputs.source.bind(lambda source: chosen_target(asked.target, source))
    variants = inputs.source.bind(lambda source: chosen_variants(source.variants, asked.variant))
    return gather(shared, variants, target).bind(lambda parts, found, _: _builds(parts, found))


def _builds(shared: _Shared, variants: tuple[Variant, ...]) -> Result[Builds, Problems]:
    places = len(shared.tags) * len(shared.repositories) * max(1, len(variants))
    if places > MOST_DESTINATIONS:
        what = (
            f"{len(shared.tags)} tags, {len(shared.repositories)} registries and {len(variants)} variants make {places}"
        )
        return refuse("--tag", f"{what} destinations, and at most {MOST_DESTINATIONS} are possible", "give fewer tags")
    planned = every(_planned(shared, variant) for variant in variants or (None,))
    return planned.bind(_without_collisions).map(lambda found: Builds(found, shared.source, shared.arguments))


def _planned(shared: _Shared, variant: Variant | None) -> Result[PlannedBuild, Problems]:
    destinations = decide_destinations(shared.repositories, shared.tags, variant)
    return destinations.map(partial(PlannedBuild, _request(shared, variant)))


def _request(shared: _Shared, variant: Variant | None) -> BuildRequest:
    source, arguments = shared.source, shared.arguments
    own = variant.arguments if variant is not None else ()
    return BuildRequest(
        name=shared.name,
        variant=None if variant is None else variant.name,
        context=source.context,
        dockerfile=source.dockerfile,
        repositories=tuple(dict.fromkeys(shared.repositories)),
        arguments=merged(own, arguments.exported, source.env_file or (), arguments.asked),
        platforms=shared.platforms,
        target=shared.target,
        cache=shared.cache if variant is None else variant_cache(shared.cache, variant.name),
        source_date_epoch=shared.epoch,
        labels=shared.description,
        annotations=shared.description,
    )


def _without_collisions(builds: tuple[PlannedBuild, ...]) -> Result[tuple[PlannedBuild, ...], Problems]:
    """Refuse two builds with one destination, where the later one would win, and a destination that is a cache."""
    used = (build.request.cache for build in builds)
    caches = {reference for cache in used for reference in (*cache.imports, *cache.exports)}
    taken: dict[ImageReference, BuildRequest] = {}
    problems = []
    for build in builds:
        for place in build.destinations:
            first = taken.setdefault(place, build.request)
            if first is not build.request:
                what = f"the variants {first.variant!r} and {build.request.variant!r} would both be pushed to {place}"
                problems.append(Problem("--tag", what, "rename one of the tags or variants"))
            if place in caches:
                what = f"{place} is both a destination and a layer cache"
                problems.append(Problem("--tag", what, "choose another tag, or another cache-repo"))
    return Failure(tuple(problems)) if problems else Success(builds)


def _epoch(configuration: Configuration, engine: ChosenEngine, inputs: Inputs) -> Result[int | None, Problems]:
    if not configuration.reproducible:
        return Success(None)
    if engine.type.traits.strips_timestamps:
        return Success(0)
    return source_date_epoch(inputs.tags.environment).bind(
        lambda given: _commit_time(inputs) if given is None else Success(given)
    )


def _commit_time(inputs: Inputs) -> Result[int | None, Problems]:
    if inputs.commit_time is not None:
        return Success(inputs.commit_time)
    what = "reproducible needs a time, and git does not know the commit's"
    return refuse(EPOCH, what, f"set {EPOCH}, or build inside the git working copy")
