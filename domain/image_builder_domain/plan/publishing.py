"""What a plan publishes: the identity of its images, and the rule that each destination obeys."""

from collections.abc import Iterable, Mapping
from typing import Final

from returns.result import Failure, Result, Success

from image_builder_domain.build import PlannedBuild
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.tag_pattern import TagPattern
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.inputs import Inputs
from image_builder_domain.problem import Problem, Problems, nearest
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.tag_rule import TagRule, TagRules
from image_builder_domain.trust.side import Job

MOVE_BACK: Final = "--move-back"


def identity_of(inputs: Inputs, job: Job) -> Identity:
    """What the images of this build say of themselves."""
    return Identity.of_job(job.state, inputs.tags.environment, inputs.commit_time, inputs.remote)


def decide_tag_rules(
    inputs: Inputs, configuration: Configuration, job: Job, builds: Iterable[PlannedBuild]
) -> Result[TagRules, Problems]:
    """The rules of all destinations. Only tags in ``registry`` have any."""
    moving_back = inputs.tags.asked.move_back
    rules: dict[ImageReference, TagRule] = {}
    values: dict[str, TagRule] = {}
    for build in builds:
        for reference in build.destinations:
            value = _without_variant(reference, build.request.variant)
            rule = values[value] = _rule(configuration, reference, value)
            is_back = rule is TagRule.MOVING and value in moving_back
            rules[reference] = TagRule.MOVING_BACK if is_back else rule
    problems = (*_contradictions(configuration, values), *_refused(moving_back, values, job))
    if problems:
        return Failure(problems)
    known = {reference: rule for reference, rule in rules.items() if rule is not TagRule.ORDINARY}
    return Success(TagRules(identity_of(inputs, job), known))


def _without_variant(reference: ImageReference, variant: str | None) -> str:
    """The tag as patterns see it: before the variant's name was added."""
    tag = reference.tag or ""
    return tag if variant is None else tag.removesuffix(f"-{variant}")


def _rule(configuration: Configuration, reference: ImageReference, value: str) -> TagRule:
    if not any(registry.contains(reference.repository) for registry in configuration.registries):
        return TagRule.ORDINARY
    if _matches(configuration.immutable_tags, value):
        return TagRule.IMMUTABLE
    return TagRule.MOVING if _matches(configuration.moving_tags, value) else TagRule.ORDINARY


def _matches(patterns: tuple[TagPattern, ...], value: str) -> bool:
    return any(pattern.matches(value) for pattern in patterns)


def _contradictions(configuration: Configuration, values: Mapping[str, TagRule]) -> Problems:
    return tuple(
        Problem(
            configuration.file,
            f"the tag {value!r} matches both moving-tags and immutable-tags",
            "change one of them; 'moving-tags: []' makes no tag moving",
        )
        for value, rule in values.items()
        if rule is TagRule.IMMUTABLE and _matches(configuration.moving_tags, value)
    )


def _refused(moving_back: tuple[str, ...], values: Mapping[str, TagRule], job: Job) -> Problems:
    if moving_back and not job.is_production:
        what = f"only production moves a tag back, and this job ({job.title}) is not on the production side"
        return (Problem(MOVE_BACK, what, "run it in a job of a production ref"),)
    moving = [value for value, rule in values.items() if rule is TagRule.MOVING]
    unknown = [value for value in moving_back if value not in moving]
    return tuple(
        Problem(MOVE_BACK, f"{value!r} is not a moving tag of this build", _hint(value, moving, before))
        for before, value in enumerate(unknown)
    )


def _hint(value: str, moving: list[str], before: int) -> str:
    return nearest(value, moving, before) if moving else "list it in moving-tags, and give it with --tag"
