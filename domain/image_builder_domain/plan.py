"""The plan: every decision about a build, as one value. ``plan`` prints it, ``build`` carries it out."""

from dataclasses import dataclass
from typing import final

from returns.result import Failure, Result, Success

from image_builder_domain.argument_decision import decide_arguments
from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.build_argument import BuildArgument
from image_builder_domain.build_inputs import Inputs, Source
from image_builder_domain.cache_decision import decide_cache
from image_builder_domain.configuration import Configuration
from image_builder_domain.destination_decision import (
    check_tags_allowed,
    decide_repositories,
    image_name,
    uses_production_for_pull_requests,
)
from image_builder_domain.git_state import GitState
from image_builder_domain.inputs import EPOCH, Asked
from image_builder_domain.platform import Platform
from image_builder_domain.problem import Problem, Problems, every, located, refuse, together
from image_builder_domain.reference import ImageReference
from image_builder_domain.registry_prefix import image_reference
from image_builder_domain.signer_selection import SignerChoice, choose_signers, why_not_signed
from image_builder_domain.tag import Tag
from image_builder_domain.tag_decision import decide_tags


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
    known = together(tag_inputs.configuration, tag_inputs.git_state, image_name(asked))
    tags = decide_tags(tag_inputs)
    places = known.bind(lambda found: decide_repositories(*found))
    destinations = together(places, tags).map(
        lambda found: tuple(image_reference(place, tag.value) for place in found[0] for tag in found[1])
    )
    arguments = decide_arguments(tag_inputs, tags)
    details = together(inputs.source, destinations, arguments, _platforms(asked), _epoch(inputs))
    cache = known.bind(lambda found: decide_cache(*found))
    allowed = together(tag_inputs.configuration, tag_inputs.git_state).bind(
        lambda found: check_tags_allowed(asked, *found)
    )
    return together(known, tags, details, cache, allowed).bind(
        lambda found: _assembled(*found[0], found[1], _request(asked, *found[2], found[3]))
    )


# --- what is built ------------------------------------------------------------------------------------------------


def _platforms(asked: Asked) -> Result[tuple[Platform, ...], Problems]:
    return every(located(Platform.parse(text), "--platform") for text in asked.platforms).map(
        lambda platforms: tuple(dict.fromkeys(platforms))
    )


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
    in_production = uses_production_for_pull_requests(configuration, state)
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
