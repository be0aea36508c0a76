"""Which tags this job gives, in the order of specification section 4."""

from returns.result import Result, Success

from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import GitState
from image_builder_domain.inputs import Asked, TagInputs, source_date_epoch
from image_builder_domain.job_type import JobType
from image_builder_domain.problem import Problems, every, problems_of, refuse, together
from image_builder_domain.tag import Tag, TagSpec, compute_tags
from image_builder_domain.templates import TemplateData, unset_variables


def decide_tags(inputs: TagInputs) -> Result[tuple[Tag, ...], Problems]:
    """The tags of this job, in the order of specification section 4."""
    user = together(user_tags(inputs.asked), source_date_epoch(inputs.environment)).map(lambda found: found[0])
    known = together(inputs.configuration, inputs.git_state)
    if problems_of(known):
        return together(user, known).bind(lambda _: Success(()))
    return together(user, known).bind(lambda found: _computed(inputs, _specs(found[0], *found[1]), found[1][1]))


def tag_warnings(inputs: TagInputs) -> tuple[str, ...]:
    """What deserves a look in the tags of :func:`decide_tags`: environment variables that are not set."""
    found = together(user_tags(inputs.asked), inputs.configuration, inputs.git_state)
    return found.map(lambda known: _unset_variables(inputs, _specs(*known), known[2])).value_or(())


def _unset_variables(inputs: TagInputs, specs: tuple[TagSpec, ...], state: GitState) -> tuple[str, ...]:
    data = _template_data(inputs, state)
    warnings = (
        f"{spec.where}: the template {spec.template!r} uses the environment variable {name!r}, which is not set"
        for spec in specs
        for name in unset_variables(spec.template, data)
    )
    return tuple(dict.fromkeys(warnings))


def _computed(inputs: TagInputs, specs: tuple[TagSpec, ...], state: GitState) -> Result[tuple[Tag, ...], Problems]:
    checked = every(_has_what_it_uses(spec, state) for spec in specs)
    return checked.bind(lambda found: compute_tags(found, _template_data(inputs, state)))


def user_tags(asked: Asked) -> Result[tuple[TagSpec, ...], Problems]:
    """What ``--tag`` and then ``--tag-base64`` ask for."""
    plain = every(TagSpec.parse(text) for text in asked.tags)
    if asked.tag_base64 is None:
        return plain
    from image_builder_domain.tag_list import FLAG, decode_tags  # seldom given

    encoded = decode_tags(asked.tag_base64).bind(lambda texts: every(TagSpec.parse(text, FLAG) for text in texts))
    return together(plain, encoded).map(lambda both: (*both[0], *both[1]))


def _specs(user: tuple[TagSpec, ...], configuration: Configuration, state: GitState) -> tuple[TagSpec, ...]:
    match state.job_type:
        case JobType.PRESUBMIT:
            additional = configuration.additional_pr_tag
            return (*user, configuration.pr_tag, *((additional,) if additional is not None else ()))
        case JobType.MERGE_GROUP:
            return (*user, configuration.merge_group_tag or configuration.commit_tag)
        case JobType.BATCH:
            return (*user, _batch_tag(state))
        case _:
            return (*user, configuration.commit_tag)


def _batch_tag(state: GitState) -> TagSpec:
    """Named by what is built together: a batch has no commit and no number of its own."""
    from hashlib import sha256

    told = (state.pull_refs or "").encode(errors="surrogateescape")
    return TagSpec("default_tag", f"batch-{sha256(told).hexdigest()[:12]}", "PULL_REFS")


def _has_what_it_uses(spec: TagSpec, state: GitState) -> Result[TagSpec, Problems]:
    """A batch's tag must not be made of a commit that it does not have: every batch would get the same one."""
    import re

    if state.commit is None and re.search(r"\{\{.*\.(?:CommitSHA|ShortSHA)\b", spec.template, re.DOTALL):
        what = f"the template {spec.template!r} wants a commit, and a {state.job_type.value} has none of its own"
        return refuse(spec.where, what, "use .Date, .Time or a fixed text")
    return Success(spec)


def _template_data(inputs: TagInputs, state: GitState) -> TemplateData:
    return TemplateData(
        commit_sha=state.commit or "",
        pr_number=str(state.pull_number or ""),
        time=inputs.time,
        env=inputs.environment,
        nanosecond=inputs.time.microsecond * 1000,
    )
