"""Which tags this job gives, in the order of specification section 4."""

from returns.result import Result, Success

from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import GitState
from image_builder_domain.inputs import TagInputs
from image_builder_domain.job_type import JobType
from image_builder_domain.problem import Problems, every, problems_of, together
from image_builder_domain.tag import Tag, TagSpec, compute_tags
from image_builder_domain.templates import TemplateData


def decide_tags(inputs: TagInputs) -> Result[tuple[Tag, ...], Problems]:
    """The tags of this job, in the order of specification section 4."""
    user = every(TagSpec.parse(text) for text in inputs.asked.tags)
    known = together(inputs.configuration, inputs.git_state)
    if problems_of(known):
        return together(user, known).bind(lambda _: Success(()))
    return together(user, known).bind(
        lambda found: compute_tags(_specs(found[0], *found[1]), _template_data(inputs, found[1][1]))
    )


def _specs(user: tuple[TagSpec, ...], configuration: Configuration, state: GitState) -> tuple[TagSpec, ...]:
    if state.job_type is not JobType.PRESUBMIT:
        return (*user, configuration.commit_tag)
    additional = configuration.additional_pr_tag
    return (*user, configuration.pr_tag, *((additional,) if additional is not None else ()))


def _template_data(inputs: TagInputs, state: GitState) -> TemplateData:
    return TemplateData(
        commit_sha=state.commit,
        pr_number=str(state.pull_number or ""),
        time=inputs.time,
        env=inputs.environment,
        nanosecond=inputs.time.microsecond * 1000,
    )
