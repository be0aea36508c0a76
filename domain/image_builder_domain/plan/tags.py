"""The tags that a job gives to its images, in the order of specification section 4."""

from functools import partial
from typing import Final

from returns.result import Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.go.template import TemplateData, unset_variables
from image_builder_domain.job.git_state import JobType
from image_builder_domain.plan.inputs import Asked, TagInputs, source_date_epoch
from image_builder_domain.problem import Problems, every, gather, refuse
from image_builder_domain.tag import LIST_FLAG, Tag, TagSpec, compute_tags, decode_tags
from image_builder_domain.trust.pull_request_tags import (
    check_pull_request_tags,
    pull_request_specs,
    uses_production_for_pull_requests,
)
from image_builder_domain.trust.side import Job

MOST_TAGS: Final = 1_000
"""The limit of tags by one flag, over all its uses. Each is rendered, and pushed to every registry."""


def decide_tags(inputs: TagInputs) -> Result[tuple[Tag, ...], Problems]:
    """The tags of this job, in the order of specification section 4."""
    user = gather(user_tags(inputs.asked), source_date_epoch(inputs.environment)).map(lambda specs, _: specs)
    allowed = gather(inputs.configuration, inputs.job).bind(partial(_allowed, inputs))
    return gather(user, inputs.configuration, inputs.job, allowed, inputs.env_file).bind(
        lambda specs, configuration, job, _allowed, _file: _computed(inputs, _specs(specs, configuration, job), job)
    )


def _allowed(inputs: TagInputs, configuration: Configuration, job: Job) -> Result[None, Problems]:
    """Refuse all but a pull request's own tags if they would lie beside production's."""
    if not uses_production_for_pull_requests(configuration, job):
        return Success(None)
    own = check_pull_request_tags(configuration, _template_data(inputs, job))
    if inputs.asked.tags or inputs.asked.tag_base64:
        what = "pr-tags-in-registry lets a pull request push only its own tags"
        return gather(refuse("--tag", what, "omit the flag, or add a dev-registry"), own).map(lambda _flag, _own: None)
    return own


def tag_warnings(inputs: TagInputs) -> tuple[str, ...]:
    """Warnings about the tags of :func:`decide_tags`: environment variables that are not set."""
    found = gather(user_tags(inputs.asked), inputs.configuration, inputs.job)
    return found.map(
        lambda specs, configuration, job: _unset_variables(inputs, _specs(specs, configuration, job), job)
    ).value_or(())


def _unset_variables(inputs: TagInputs, specs: tuple[TagSpec, ...], job: Job) -> tuple[str, ...]:
    data = _template_data(inputs, job)
    warnings = (
        f"{spec.where}: the template {spec.template!r} uses the environment variable {name!r}, which is not set"
        for spec in specs
        for name in unset_variables(spec.template, data)
    )
    return tuple(dict.fromkeys(warnings))


def _computed(inputs: TagInputs, specs: tuple[TagSpec, ...], job: Job) -> Result[tuple[Tag, ...], Problems]:
    checked = every(_has_what_it_uses(spec, job) for spec in specs)
    return checked.bind(lambda found: compute_tags(found, _template_data(inputs, job)))


def user_tags(asked: Asked) -> Result[tuple[TagSpec, ...], Problems]:
    """The tags of ``--tag``, then those of ``--tag-base64``."""
    plain = _parsed(asked.tags, "--tag")
    if asked.tag_base64 is None:
        return plain
    encoded = decode_tags(asked.tag_base64).bind(lambda texts: _parsed(texts, LIST_FLAG))
    return gather(plain, encoded).map(lambda first, second: (*first, *second))


def _parsed(texts: tuple[str, ...], where: str) -> Result[tuple[TagSpec, ...], Problems]:
    if len(texts) > MOST_TAGS:
        return refuse(where, f"these are {len(texts)} tags, and at most {MOST_TAGS} can be given", "give fewer")
    return every(TagSpec.parse(text, where) for text in texts)


def _specs(user: tuple[TagSpec, ...], configuration: Configuration, job: Job) -> tuple[TagSpec, ...]:
    match job.counts_as:
        case JobType.PRESUBMIT:
            return (*user, *pull_request_specs(configuration))
        case JobType.MERGE_GROUP:
            return (*user, configuration.merge_group_tag or configuration.commit_tag)
        case JobType.BATCH:
            return (*user, _batch_tag(job))
        case _:
            return (*user, configuration.commit_tag)


def _batch_tag(job: Job) -> TagSpec:
    """A tag made of the pull requests in the batch, which has no commit and no number of its own."""
    from hashlib import sha256

    refs = (job.state.pull_refs or "").encode(errors="surrogateescape")
    return TagSpec("default_tag", f"batch-{sha256(refs).hexdigest()[:12]}", "PULL_REFS")


def _has_what_it_uses(spec: TagSpec, job: Job) -> Result[TagSpec, Problems]:
    """Refuse a batch's tag that uses a commit: it has none, so every batch would get the same tag."""
    import re

    if job.state.commit is None and re.search(r"\{\{.*\.(?:CommitSHA|ShortSHA)\b", spec.template, re.DOTALL):
        what = f"the template {spec.template!r} needs a commit, and a {job.counts_as.value} has none of its own"
        return refuse(spec.where, what, "use .Date, .Time or a fixed text")
    return Success(spec)


def _template_data(inputs: TagInputs, job: Job) -> TemplateData:
    file = {argument.name: argument.value for argument in inputs.env_file.value_or(())}
    return TemplateData(
        commit_sha=job.state.commit or "",
        pr_number=str(job.state.pull_number or ""),
        time=inputs.time,
        env={**file, **inputs.environment},
        nanosecond=inputs.time.microsecond * 1000,
    )
