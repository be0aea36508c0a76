"""The plan: every decision about a build, as one value. ``plan`` prints it, ``build`` carries it out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from returns.result import Failure, Result, Success

from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.build_argument import BuildArgument, exported_tags, is_argument_name
from image_builder_domain.build_inputs import Inputs, Source
from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import GitState
from image_builder_domain.inputs import EPOCH, Asked, TagInputs
from image_builder_domain.platform import Platform
from image_builder_domain.problem import Problem, Problems, every, located, refuse, together
from image_builder_domain.reference import ImageReference, Repository
from image_builder_domain.registry_prefix import RegistryPrefix, image_reference
from image_builder_domain.signer_selection import SignerChoice, choose_signers, why_not_signed
from image_builder_domain.tag import Tag
from image_builder_domain.tag_decision import decide_tags
from image_builder_domain.trust import CacheAccess, JobType, Target, trust


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done. ``not_signed`` says why nobody signs, empty when somebody does."""

    name: str
    git_state: GitState
    tags: tuple[Tag, ...]
    builds: tuple[BuildRequest, ...]
    signers: tuple[SignerChoice, ...]
    not_signed: str
    warnings: tuple[str, ...]
    log_format: str | None = None


def decide(inputs: Inputs) -> Result[Plan, Problems]:
    """The plan, or every problem of the inputs and of what they ask for together."""
    asked, tag_inputs = inputs.tags.asked, inputs.tags
    known = together(tag_inputs.configuration, tag_inputs.git_state, _name(asked))
    tags = decide_tags(tag_inputs)
    places = known.bind(lambda found: _places(*found))
    destinations = together(places, tags).map(
        lambda found: tuple(image_reference(place, tag.value) for place in found[0] for tag in found[1])
    )
    arguments = together(
        _arguments(asked, tag_inputs), tags.bind(exported_tags) if asked.export_tags else Success(())
    ).map(lambda found: _merged(found[1], found[0]))
    details = together(inputs.source, destinations, arguments, _platforms(asked), _epoch(inputs))
    cache = known.bind(lambda found: _cache(*found))
    allowed = together(tag_inputs.configuration, tag_inputs.git_state).bind(lambda found: _tags_allowed(asked, *found))
    return together(known, tags, details, cache, allowed).bind(
        lambda found: _assembled(*found[0], found[1], _request(asked, *found[2], found[3]))
    )


# --- where images go ----------------------------------------------------------------------------------------------


def _name(asked: Asked) -> Result[str, Problems]:
    if not asked.name:
        return refuse("--name", "the image name is missing", "give one, such as --name my-image")
    checked = located(Repository.parse(f"registry.invalid/{asked.name}"), "--name", "choose another name")
    return checked.alt(
        lambda problems: tuple(
            Problem(found.where, found.what.replace("registry.invalid/", ""), found.remedy) for found in problems
        )
    ).map(lambda _: asked.name or "")


def _places(configuration: Configuration, state: GitState, name: str) -> Result[tuple[Repository, ...], Problems]:
    def place(registry: RegistryPrefix) -> Result[Repository, Problems]:
        found = located(registry.repository(name), "--name", "choose another name")
        return found.bind(lambda repository: _outside_the_cache(repository, configuration, state))

    return _registries(configuration, state).bind(lambda registries: every(map(place, registries)))


def _outside_the_cache(
    repository: Repository, configuration: Configuration, state: GitState
) -> Result[Repository, Problems]:
    """An image of unmerged code under the cache's own repository would be a cache that production reads."""
    cache = configuration.cache.repository
    if cache is not None and trust(state.job_type).cache is not CacheAccess.PRODUCTION and cache.contains(repository):
        return refuse("--name", f"{repository} lies in the layer cache of production", "choose another name")
    return Success(repository)


def _registries(configuration: Configuration, state: GitState) -> Result[tuple[RegistryPrefix, ...], Problems]:
    target = trust(state.job_type).target
    key = "dev-registry" if target is Target.DEVELOPMENT else "registry"
    if target is Target.PRODUCTION or _uses_production_for_pull_requests(configuration, state):
        found = configuration.registries
    elif target is Target.DEVELOPMENT:
        found = configuration.dev_registries
    else:
        found = configuration.dev_registries or configuration.registries
    if found:
        return Success(found)
    return refuse(configuration.file, f"{key} is missing, and a {state.job_type.value} build needs it", f"add {key}")


def _uses_production_for_pull_requests(configuration: Configuration, state: GitState) -> bool:
    """``pr-tags-in-registry``: presubmit images go to the one registry there is, under pull-request tags alone."""
    return (
        configuration.pr_tags_in_registry
        and not configuration.dev_registries
        and trust(state.job_type).target is Target.DEVELOPMENT
        and state.job_type is JobType.PRESUBMIT
    )


def _tags_allowed(asked: Asked, configuration: Configuration, state: GitState) -> Result[None, Problems]:
    if asked.tags and _uses_production_for_pull_requests(configuration, state):
        what = "pr-tags-in-registry lets a pull request push its own tags alone"
        return refuse("--tag", what, "leave the flag out, or add a dev-registry")
    return Success(None)


# --- what is built ------------------------------------------------------------------------------------------------


def _platforms(asked: Asked) -> Result[tuple[Platform, ...], Problems]:
    return every(located(Platform.parse(text), "--platform") for text in asked.platforms).map(
        lambda platforms: tuple(dict.fromkeys(platforms))
    )


def _arguments(asked: Asked, inputs: TagInputs) -> Result[tuple[BuildArgument, ...], Problems]:
    return every(_argument(text, inputs) for text in asked.build_arguments)


def _argument(text: str, inputs: TagInputs) -> Result[BuildArgument, Problems]:
    name, equals, value = text.partition("=")
    if not is_argument_name(name):
        return refuse("--build-arg", f"{name!r} is no name of an argument", "write NAME=value")
    if equals:
        return Success(BuildArgument(name, value))
    if name not in inputs.environment:
        return refuse("--build-arg", f"{name} has no value and is not set in the environment", f"write {name}=value")
    return Success(BuildArgument(name, inputs.environment[name]))


def _merged(weaker: Iterable[BuildArgument], stronger: Iterable[BuildArgument]) -> tuple[BuildArgument, ...]:
    """Each name once with its strongest (last) value, where it stood first."""
    return tuple({argument.name: argument for argument in (*weaker, *stronger)}.values())


def _epoch(inputs: Inputs) -> Result[int | None, Problems]:
    return inputs.tags.configuration.bind(
        lambda found: _reproducible_epoch(inputs) if found.reproducible else Success(None)
    )


def _reproducible_epoch(inputs: Inputs) -> Result[int | None, Problems]:
    text = inputs.tags.environment.get(EPOCH)
    if text:
        return (
            Success(int(text))
            if text.isascii() and text.isdecimal()
            else refuse(EPOCH, f"{text!r} is no time", "seconds")
        )
    if inputs.commit_time is not None:
        return Success(inputs.commit_time)
    what = "reproducible needs a time, and git cannot tell the commit's"
    return refuse(EPOCH, what, f"set {EPOCH}, or build inside the git working copy")


def _cache(configuration: Configuration, state: GitState, name: str) -> Result[CacheReferences, Problems]:
    cache = configuration.cache
    if not cache.enabled or cache.repository is None:
        return Success(CacheReferences())
    if not cache.run_layers:
        what = "cache.cache-run-layers is false, but BuildKit always caches them"
        return refuse(configuration.file, what, "remove the key, or switch the cache off")
    main = _cache_reference(cache.repository, name)
    if trust(state.job_type).cache is CacheAccess.PRODUCTION:
        return main.map(lambda found: CacheReferences((found,), (found,)))
    if cache.dev_repository is None:
        return main.map(lambda found: CacheReferences((found,)))
    return together(main, _cache_reference(cache.dev_repository, name)).map(
        lambda found: CacheReferences(found, (found[1],))
    )


def _cache_reference(prefix: RegistryPrefix, name: str) -> Result[ImageReference, Problems]:
    return located(prefix.repository(name), "--name", "choose another name").map(
        lambda repository: image_reference(repository, "buildcache")
    )


def _request(
    asked: Asked,
    source: Source,
    destinations: tuple[ImageReference, ...],
    arguments: tuple[BuildArgument, ...],
    platforms: tuple[Platform, ...],
    epoch: int | None,
    cache: CacheReferences,
) -> BuildRequest:
    return BuildRequest(
        name=asked.name or "",
        variant=None,
        context=source.context,
        dockerfile=source.dockerfile,
        destinations=tuple(dict.fromkeys(destinations)),
        arguments=arguments,
        platforms=platforms,
        target=asked.target,
        cache=cache,
        source_date_epoch=epoch,
    )


# --- the whole ----------------------------------------------------------------------------------------------------


def _assembled(
    configuration: Configuration, state: GitState, name: str, tags: tuple[Tag, ...], build: BuildRequest
) -> Result[Plan, Problems]:
    in_production = _uses_production_for_pull_requests(configuration, state)
    signers = tuple(
        SignerChoice(choice.definition, False, "pr-tags-in-registry: nothing in it is signed")
        if in_production
        else choice
        for choice in choose_signers(configuration, state)
    )
    problems = _index_problems(signers, build)
    if problems:
        return Failure(problems)
    warnings = (*_secret_warnings(build.arguments), *(_PRODUCTION_WARNING if in_production else ()))
    return Success(
        Plan(name, state, tags, (build,), signers, why_not_signed(signers, state), warnings, configuration.log_format)
    )


_PRODUCTION_WARNING = ("pr-tags-in-registry: this pull request's image goes to the production registry",)


def _index_problems(signers: tuple[SignerChoice, ...], build: BuildRequest) -> Problems:
    """Protocol v1 signs an image's configuration, which an index of several platforms does not have."""
    if len(build.platforms) < 2:
        return ()
    return tuple(
        Problem(
            choice.definition.where,
            f"the signer {choice.definition.name!r} cannot sign an image of several platforms",
            "use a secret of type mtls, or build one --platform",
        )
        for choice in signers
        if choice.chosen and not choice.definition.settings.signs_indexes
    )


def _secret_warnings(arguments: tuple[BuildArgument, ...]) -> tuple[str, ...]:
    return tuple(
        f"the build argument {argument.name} looks like a secret; it is passed, and stays readable in the image"
        for argument in arguments
        if argument.looks_secret
    )
